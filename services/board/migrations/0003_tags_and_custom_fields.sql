create table tag (
    id               uuid not null,
    organization_id  uuid not null,
    name             text not null,
    slug             text not null,
    color            text not null,
    description      text,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    constraint tag_pkey primary key (id),
    constraint tag_slug_key unique (organization_id, slug),
    constraint tag_color_check check (color ~ '^[0-9a-f]{6}$')
);

create index tag_name_idx on tag (organization_id, lower(name), created_at, id);

-- Says the same as task.tag_ids, to count and to filter by.
create table task_tag (
    task_id  uuid not null,
    tag_id   uuid not null,
    constraint task_tag_pkey primary key (task_id, tag_id),
    constraint task_tag_task_id_fkey foreign key (task_id) references task (id) on delete cascade,
    constraint task_tag_tag_id_fkey foreign key (tag_id) references tag (id) on delete cascade
);

create index task_tag_tag_id_idx on task_tag (tag_id, task_id);

create table custom_field (
    id                uuid not null,
    organization_id   uuid not null,
    field_key         text not null,
    label             text not null,
    field_type        text not null,
    ui_visibility     text not null,
    validation_regex  text,
    description       text,
    required          boolean not null,
    default_value     jsonb,
    -- Hidden from tasks; values are kept.
    archived          boolean not null default false,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    constraint custom_field_pkey primary key (id),
    constraint custom_field_field_key_key unique (organization_id, field_key),
    constraint custom_field_field_type_check check (
        field_type in ('text', 'text_long', 'integer', 'decimal', 'boolean', 'date', 'date_time', 'url', 'json')
    ),
    constraint custom_field_ui_visibility_check check (ui_visibility in ('always', 'if_set', 'hidden'))
);

create index custom_field_label_idx on custom_field (organization_id, lower(label), id);

create table custom_field_board (
    custom_field_id  uuid not null,
    board_id         uuid not null,
    constraint custom_field_board_pkey primary key (custom_field_id, board_id),
    constraint custom_field_board_custom_field_id_fkey
        foreign key (custom_field_id) references custom_field (id) on delete cascade,
    constraint custom_field_board_board_id_fkey foreign key (board_id) references board (id) on delete cascade
);

create index custom_field_board_board_id_idx on custom_field_board (board_id);

alter table task
    -- In the order given.
    add column tag_ids              uuid[] not null default '{}',
    -- The task's own values, by the id of the field.
    add column custom_field_values  jsonb not null default '{}',
    -- Of a task that is done: dependencies that were reopened since.
    add column stale_by_ids         uuid[] not null default '{}',
    -- Words of the title and the description. Punctuation parts words, or addresses and paths would be found only whole.
    add column search               tsvector not null generated always as (
        to_tsvector(
            'simple'::regconfig,
            translate(
                title || ' ' || coalesce(description, ''), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)
            )
        )
    ) stored,
    add constraint task_stale_check check (cardinality(stale_by_ids) = 0 or status = 'done');

update task t
   set stale_by_ids = array(
           select d.depends_on_task_id
             from task_dependency d join task needed on needed.id = d.depends_on_task_id
            where d.task_id = t.id and needed.status <> 'done'
            order by d.position)
 where t.status = 'done' and t.deleted_at is null and t.depends_on_ids <> '{}';

create index task_search_idx on task using gin (search) where deleted_at is null;
create index task_board_due_at_idx on task (board_id, due_at) where deleted_at is null and due_at is not null;
