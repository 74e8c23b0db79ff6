-- Gateways, the agents that live on them, the jobs that put them there, and what agents are told.

create table gateway (
    id uuid constraint gateway_pkey primary key,
    organization_id uuid not null,
    name text not null,
    url text not null,
    -- Sealed under the installation's key, bound to this row's id.
    token_sealed bytea,
    workspace_root text not null,
    allow_insecure_tls boolean not null,
    disable_device_pairing boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index gateway_organization_id_idx on gateway (organization_id, created_at desc, id desc);

create table agent (
    id uuid constraint agent_pkey primary key,
    organization_id uuid not null,
    gateway_id uuid not null constraint agent_gateway_id_fkey references gateway (id),
    -- Null: the main agent of its gateway.
    board_id uuid,
    name text not null,
    is_board_lead boolean not null,
    phase text not null
        constraint agent_phase_check
        check (phase in ('pending', 'provisioning', 'updating', 'ready', 'deleting', 'failed')),
    last_error text,
    heartbeat_config jsonb not null,
    identity_profile jsonb,
    identity_template text,
    soul_template text,
    last_seen_at timestamptz,
    -- When a job last brought it to `ready`; null until the first did.
    provisioned_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint agent_lead_has_board_check check (board_id is not null or not is_board_lead)
);
create unique index agent_gateway_main_key on agent (gateway_id) where board_id is null;
create unique index agent_board_lead_key on agent (board_id) where is_board_lead;
create unique index agent_name_key on agent (gateway_id, lower(name));
create index agent_organization_id_idx on agent (organization_id, created_at desc, id desc);
create index agent_board_id_idx on agent (board_id, created_at desc, id desc);

-- Two hashes are valid at a time, so that putting an agent in place again never locks it out.
create table agent_token (
    agent_id uuid constraint agent_token_pkey primary key
        constraint agent_token_agent_id_fkey references agent (id) on delete cascade,
    current_hash text,
    next_hash text,
    -- The newest token itself, sealed, from its minting until its files are written.
    unwritten_sealed bytea
);

-- One row per life-cycle job; its delivery has the same id.
create table job (
    id uuid constraint job_pkey primary key,
    agent_id uuid not null constraint job_agent_id_fkey references agent (id) on delete cascade,
    kind text not null constraint job_kind_check check (kind in ('provision', 'update')),
    -- The step that comes next.
    step text not null
        constraint job_step_check check (step in ('token', 'ensure', 'files', 'wake', 'done')),
    -- Name of the person for whom it runs.
    requested_by text,
    -- Something it may have read already has changed since: another job follows.
    again boolean not null default false,
    created_at timestamptz not null,
    finished_at timestamptz
);
create unique index job_unfinished_key on job (agent_id) where finished_at is null;

-- What agents are told. State and attempts stand in the delivery of the same id.
create table notice (
    id uuid constraint notice_pkey primary key,
    event_id uuid not null,
    organization_id uuid not null,
    board_id uuid not null,
    task_id uuid,
    agent_id uuid not null constraint notice_agent_id_fkey references agent (id) on delete cascade,
    kind text not null
        constraint notice_kind_check check (kind in (
            'task_assigned', 'task_created', 'task_ready_for_review', 'task_changes_requested',
            'task_back_in_inbox', 'task_comment', 'approval_resolved'
        )),
    message text not null,
    -- Waits for its agent to be put in place; has no delivery yet.
    held boolean not null,
    created_at timestamptz not null,
    constraint notice_event_id_agent_id_key unique (event_id, agent_id)
);
create index notice_agent_id_idx on notice (agent_id, created_at desc, id desc);
create index notice_board_id_idx on notice (board_id, created_at desc, id desc);
create index notice_held_idx on notice (agent_id) where held;
