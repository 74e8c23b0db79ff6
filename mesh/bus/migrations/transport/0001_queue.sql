-- Who gets what. `regex` is the pattern as PostgreSQL matches it against '.' || topic.
create table bus.subscription (
    consumer_group text not null,
    pattern        text not null,
    regex          text not null,
    constraint subscription_pkey primary key (consumer_group, pattern)
);

-- One row per event and group, until the group has dealt with it.
create table bus.queue (
    id             bigserial   not null,
    consumer_group text        not null,
    event_id       uuid        not null,
    topic          text        not null,
    payload        bytea       not null,
    attempts       integer     not null default 0,
    -- Absent until the first failure.
    due_at         timestamptz,
    last_error     text,
    published_at   timestamptz not null default now(),
    constraint queue_pkey primary key (id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create index queue_fresh_idx on bus.queue (consumer_group, id) where due_at is null;
create index queue_retry_idx on bus.queue (consumer_group, due_at) where due_at is not null;

-- Events that a group could not deal with.
create table bus.parked (
    id             bigserial   not null,
    consumer_group text        not null,
    event_id       uuid        not null,
    topic          text        not null,
    payload        bytea       not null,
    attempts       integer     not null,
    error          text        not null,
    parked_at      timestamptz not null default now(),
    constraint parked_pkey primary key (id)
);

create index parked_consumer_group_idx on bus.parked (consumer_group, id);
