-- Conversations in which the main agent of a gateway finds out what a board is for.

create table onboarding (
    id uuid constraint onboarding_pkey primary key,
    organization_id uuid not null,
    board_id uuid not null,
    -- The gateway whose main agent asks, and the session in which it does.
    gateway_id uuid not null,
    session_key text not null,
    status text not null
        constraint onboarding_status_check
        check (status in ('active', 'completed', 'confirmed', 'cancelled', 'expired')),
    -- What the agent proposes; its newest.
    draft jsonb,
    -- Who had the last word, and when.
    last_role text not null constraint onboarding_last_role_check check (last_role in ('user', 'assistant')),
    spoken_at timestamptz not null,
    -- When the agent was last told something, and by which notice.
    told_at timestamptz not null,
    notice_id uuid,
    expires_at timestamptz not null,
    -- Until when somebody who confirms has it for themselves.
    confirming_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint onboarding_draft_check check (draft is not null or status not in ('completed', 'confirmed'))
);
create unique index onboarding_open_key on onboarding (board_id) where status in ('active', 'completed');
create index onboarding_board_id_idx on onboarding (board_id, created_at desc, id desc);
create index onboarding_organization_id_idx on onboarding (organization_id);
create index onboarding_expires_at_idx on onboarding (expires_at) where status in ('active', 'completed');

-- What was said. Only ever added to.
create table onboarding_message (
    id uuid constraint onboarding_message_pkey primary key,
    onboarding_id uuid not null
        constraint onboarding_message_onboarding_id_fkey references onboarding (id) on delete cascade,
    -- Grows with every message of its onboarding: whoever adds one holds the onboarding.
    position bigint not null generated always as identity,
    role text not null constraint onboarding_message_role_check check (role in ('user', 'assistant')),
    content text not null,
    -- The notice that last carried it to the agent.
    notice_id uuid,
    created_at timestamptz not null
);
create index onboarding_message_onboarding_id_idx on onboarding_message (onboarding_id, position desc);
