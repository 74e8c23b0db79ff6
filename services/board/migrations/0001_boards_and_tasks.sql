create table board (
    id                                          uuid not null,
    organization_id                             uuid not null,
    name                                        text not null,
    slug                                        text not null,
    description                                 text not null,
    gateway_id                                  uuid not null,
    board_group_id                              uuid,
    board_type                                  text not null,
    objective                                   text,
    success_metrics                             jsonb,
    target_date                                 timestamptz,
    goal_confirmed                              boolean not null,
    goal_source                                 text,
    require_approval_for_done                   boolean not null,
    require_review_before_done                  boolean not null,
    comment_required_for_review                 boolean not null,
    block_status_changes_with_pending_approval  boolean not null,
    only_lead_can_change_status                 boolean not null,
    max_agents                                  integer not null,
    created_at                                  timestamptz not null,
    updated_at                                  timestamptz not null,
    -- Grows with every change of the board and of anything on it.
    version                                     bigint not null default 1,
    constraint board_pkey primary key (id),
    constraint board_slug_key unique (organization_id, slug),
    constraint board_board_type_check check (board_type in ('goal', 'general')),
    constraint board_max_agents_check check (max_agents between 0 and 1000),
    constraint board_goal_check check (
        board_type <> 'goal' or not goal_confirmed or (objective is not null and success_metrics is not null)
    )
) with (fillfactor = 70);  -- the version moves with every write on the board: room for updates in place

create index board_name_idx on board (organization_id, lower(name), created_at desc, id desc);
create index board_gateway_id_idx on board (gateway_id);

create table task (
    id                   uuid not null,
    organization_id      uuid not null,
    board_id             uuid not null,
    title                text not null,
    description          text,
    status               text not null,
    priority             text not null,
    due_at               timestamptz,
    assigned_agent_id    uuid,
    created_by_user_id   uuid,
    created_by_agent_id  uuid,
    in_progress_at       timestamptz,
    -- First moment of work in this cycle.
    started_at           timestamptz,
    status_changed_at    timestamptz not null,
    -- The worker that last moved the task to review; work that is sent back goes to it.
    last_worker_id       uuid,
    -- The edges of task_dependency as readers want them; one transaction keeps both.
    depends_on_ids       uuid[] not null default '{}',
    -- Those of them that are not done; empty for a task that is done itself.
    blocked_by_ids       uuid[] not null default '{}',
    cycle                integer not null default 1,
    version              bigint not null default 1,
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    deleted_at           timestamptz,
    constraint task_pkey primary key (id),
    constraint task_board_id_fkey foreign key (board_id) references board (id),
    constraint task_status_check check (status in ('inbox', 'in_progress', 'review', 'done')),
    constraint task_priority_check check (priority in ('low', 'medium', 'high', 'urgent')),
    constraint task_in_progress_at_check check ((status = 'in_progress') = (in_progress_at is not null)),
    constraint task_blocked_check check (
        cardinality(blocked_by_ids) = 0 or (status = 'inbox' and assigned_agent_id is null)
    )
) with (fillfactor = 85);

create index task_board_idx on task (board_id, created_at desc, id desc) where deleted_at is null;
create index task_board_status_idx on task (board_id, status, created_at desc, id desc) where deleted_at is null;
create index task_organization_idx on task (organization_id, created_at desc, id desc) where deleted_at is null;
create index task_assigned_agent_id_idx on task (assigned_agent_id, created_at desc, id desc)
    where deleted_at is null and assigned_agent_id is not null;

create table task_dependency (
    task_id             uuid not null,
    depends_on_task_id  uuid not null,
    -- Place in the list as it was given.
    position            integer not null,
    constraint task_dependency_pkey primary key (task_id, depends_on_task_id),
    constraint task_dependency_task_id_fkey foreign key (task_id) references task (id) on delete cascade,
    constraint task_dependency_depends_on_task_id_fkey foreign key (depends_on_task_id) references task (id) on delete cascade,
    constraint task_dependency_self_check check (task_id <> depends_on_task_id)
);

create index task_dependency_depends_on_task_id_idx on task_dependency (depends_on_task_id);

create table task_comment (
    id                   uuid not null,
    task_id              uuid not null,
    -- Cycle of the task in which it was written.
    cycle                integer not null,
    user_id              uuid,
    agent_id             uuid,
    author_name          text not null,
    message              text not null,
    mentioned_agent_ids  uuid[] not null default '{}',
    created_at           timestamptz not null,
    constraint task_comment_pkey primary key (id),
    constraint task_comment_task_id_fkey foreign key (task_id) references task (id) on delete cascade,
    constraint task_comment_author_check check (num_nonnulls(user_id, agent_id) = 1)
);

create index task_comment_task_idx on task_comment (task_id, created_at, id);
