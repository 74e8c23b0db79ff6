-- Events that committed here and are not yet on the bus. Rows live for milliseconds.
create table outbox (
    id         bigserial   not null,
    event_id   uuid        not null,
    topic      text        not null,
    payload    bytea       not null,
    created_at timestamptz not null default now(),
    constraint outbox_pkey primary key (id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Events whose effect is already here, by consumer group.
create table inbox (
    consumer_group text        not null,
    event_id       uuid        not null,
    at             timestamptz not null default now(),
    constraint inbox_pkey primary key (consumer_group, event_id)
);

create index inbox_at_idx on inbox (at);
