create table board_group (
    id               uuid not null,
    organization_id  uuid not null,
    name             text not null,
    slug             text not null,
    description      text,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    constraint board_group_pkey primary key (id),
    constraint board_group_slug_key unique (organization_id, slug)
);

create index board_group_name_idx on board_group (organization_id, lower(name), created_at desc, id desc);

alter table board
    -- Set while its agents are paused.
    add column paused_at       timestamptz,
    -- Who paused them. The id is null once the account is gone; the name stays.
    add column paused_by_kind  text,
    add column paused_by_id    uuid,
    add column paused_by_name  text,
    add constraint board_paused_by_kind_check check (paused_by_kind in ('user', 'agent')),
    add constraint board_paused_check check (
        num_nonnulls(paused_at, paused_by_kind, paused_by_name) in (0, 3)
        and (paused_at is not null or paused_by_id is null)
    ),
    add constraint board_board_group_id_fkey foreign key (board_group_id) references board_group (id);

create index board_board_group_id_idx on board (board_group_id) where board_group_id is not null;

-- What is on a board goes with it.
alter table task
    drop constraint task_board_id_fkey,
    add constraint task_board_id_fkey foreign key (board_id) references board (id) on delete cascade;

create index task_board_id_idx on task (board_id);
create index task_created_by_user_id_idx on task (created_by_user_id) where created_by_user_id is not null;

-- The account of a comment's author may be gone; the name stays.
alter table task_comment
    drop constraint task_comment_author_check,
    add constraint task_comment_author_check check (num_nonnulls(user_id, agent_id) <= 1);

create index task_comment_user_id_idx on task_comment (user_id) where user_id is not null;
