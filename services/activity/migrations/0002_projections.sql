-- What the figures are drawn from. Everything here follows from the log and could be built again from it.

create table board_state (
    board_id uuid not null,
    organization_id uuid not null,
    name text not null,
    gateway_id uuid,
    board_group_id uuid,
    version bigint not null,
    constraint board_state_pkey primary key (board_id)
);
create index board_state_organization_id_idx on board_state (organization_id);

create table task_state (
    task_id uuid not null,
    organization_id uuid not null,
    board_id uuid not null,
    title text not null,
    status text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version bigint not null,
    deleted_at timestamptz,
    constraint task_state_pkey primary key (task_id),
    constraint task_state_status_check check (status in ('inbox', 'in_progress', 'review', 'done'))
);
create index task_state_organization_id_idx on task_state (organization_id, board_id, status)
    where deleted_at is null;

-- How long a task was in a status. The open one has no end.
create table task_stay (
    task_id uuid not null,
    -- Position of the event that began it.
    sequence bigint not null,
    organization_id uuid not null,
    board_id uuid not null,
    status text not null,
    entered_at timestamptz not null,
    left_at timestamptz,
    constraint task_stay_pkey primary key (task_id, sequence)
);
create unique index task_stay_open_key on task_stay (task_id) where left_at is null;
create index task_stay_organization_id_entered_at_idx on task_stay (organization_id, entered_at)
    include (board_id, status, left_at);

-- From the first work on a task to its completion; reopening begins the next cycle.
create table task_cycle (
    task_id uuid not null,
    cycle integer not null,
    organization_id uuid not null,
    board_id uuid not null,
    started_at timestamptz,
    done_at timestamptz,
    seconds double precision generated always as (extract(epoch from (done_at - started_at))::double precision) stored,
    constraint task_cycle_pkey primary key (task_id, cycle)
);
create index task_cycle_organization_id_done_at_idx on task_cycle (organization_id, done_at)
    include (board_id, seconds) where done_at is not null;

create table agent_state (
    agent_id uuid not null,
    organization_id uuid not null,
    -- Null for the main agent of a gateway.
    board_id uuid,
    status text not null,
    last_seen_at timestamptz,
    constraint agent_state_pkey primary key (agent_id)
);
create index agent_state_organization_id_idx on agent_state (organization_id, board_id);

-- Approvals that wait for a decision; a decided one is removed.
create table pending_approval (
    approval_id uuid not null,
    organization_id uuid not null,
    board_id uuid not null,
    action_type text not null,
    confidence double precision not null,
    created_at timestamptz not null,
    task_id uuid,
    task_title text,
    constraint pending_approval_pkey primary key (approval_id)
);
create index pending_approval_organization_id_created_at_idx on pending_approval (organization_id, created_at);
