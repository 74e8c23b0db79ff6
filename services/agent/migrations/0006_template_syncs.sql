-- Template syncs, and what became of each agent in one. Kept for a week.

create table template_sync (
    id uuid constraint template_sync_pkey primary key,
    gateway_id uuid not null
        constraint template_sync_gateway_id_fkey references gateway (id) on delete cascade,
    organization_id uuid not null,
    include_main boolean not null,
    reset_sessions boolean not null,
    created_at timestamptz not null,
    -- What has not come to an end by then is given up.
    deadline_at timestamptz not null,
    finished_at timestamptz
);
-- One at a time.
create unique index template_sync_unfinished_key on template_sync (gateway_id) where finished_at is null;
create index template_sync_created_at_idx on template_sync (created_at);

create table template_sync_agent (
    sync_id uuid not null
        constraint template_sync_agent_sync_id_fkey references template_sync (id) on delete cascade,
    -- Outlives the agent.
    agent_id uuid not null,
    agent_name text not null,
    -- Null: the main agent of the gateway.
    board_id uuid,
    state text not null
        constraint template_sync_agent_state_check check (state in ('pending', 'updated', 'skipped')),
    -- Why it was skipped; null when its board is paused.
    message text,
    -- Place in the order of the agents.
    position integer not null,
    constraint template_sync_agent_pkey primary key (sync_id, agent_id)
);
