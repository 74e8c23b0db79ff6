-- What is to reach a target outside, until it has or was given up.
create table delivery (
    id              uuid        not null,
    queue           text        not null,
    -- Whatever shares a limit: an endpoint, a gateway.
    target          text        not null,
    payload         jsonb       not null,
    state           text        not null default 'waiting',
    -- Attempts begun, ever.
    attempts        integer     not null default 0,
    -- Attempts begun since it was last (re)delivered: the place in the schedule.
    tries           integer     not null default 0,
    -- Number of the lease. Whoever holds an older one has nothing to say any more.
    fence           bigint      not null default 0,
    leased_until    timestamptz,
    started_at      timestamptz,
    next_attempt_at timestamptz,
    deadline_at     timestamptz,
    last_error      text,
    created_at      timestamptz not null default now(),
    sent_at         timestamptz,
    -- The request that caused it.
    request_id      text,
    traceparent     text,
    constraint delivery_pkey primary key (id),
    constraint delivery_state_check check (state in ('waiting', 'sending', 'sent', 'failed', 'dead')),
    constraint delivery_lease_check
        check ((state = 'sending') = (leased_until is not null) and (state = 'sending') = (started_at is not null)),
    constraint delivery_next_attempt_check check ((state in ('waiting', 'failed')) = (next_attempt_at is not null))
);

create index delivery_open_idx on delivery (queue, target, next_attempt_at, id) where state in ('waiting', 'failed');
create index delivery_due_idx on delivery (queue, next_attempt_at) where state in ('waiting', 'failed');
create index delivery_deadline_idx on delivery (queue, deadline_at)
    where state in ('waiting', 'failed') and deadline_at is not null;
create index delivery_leased_idx on delivery (queue, leased_until) where state = 'sending';

-- One row per attempt that ended, also by the death of whoever made it.
create table delivery_attempt (
    delivery_id     uuid        not null,
    number          integer     not null,
    started_at      timestamptz not null,
    duration_ms     bigint      not null,
    outcome         text        not null,
    error           text,
    response_status integer,
    response_body   text,
    constraint delivery_attempt_pkey primary key (delivery_id, number),
    constraint delivery_attempt_delivery_id_fkey foreign key (delivery_id) references delivery (id) on delete cascade,
    constraint delivery_attempt_outcome_check check (outcome in ('done', 'retry', 'dead', 'lost'))
);
