-- The log, and the head of its chain.

-- One row. Whoever appends locks it first, so sequence order is commit order and no number is skipped.
create table chain_head (
    singleton boolean not null default true,
    sequence bigint not null,
    hash bytea not null,
    constraint chain_head_pkey primary key (singleton),
    constraint chain_head_singleton_check check (singleton)
);
insert into chain_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'));

create table event (
    sequence bigint not null,
    id uuid not null,
    organization_id uuid not null,
    board_id uuid,
    task_id uuid,
    agent_id uuid,
    type text not null,
    actor_kind text not null,
    actor_id uuid,
    actor_name text not null,
    occurred_at timestamptz not null,
    message text not null,
    -- json and not jsonb: the hash covers the text as it was written.
    payload json not null,
    -- mission.event.v1.Event as it arrived.
    encoded bytea not null,
    hash bytea not null,
    failed boolean not null generated always as (type like '%failed' or type like '%dead') stored,
    constraint event_pkey primary key (sequence),
    constraint event_id_key unique (id),
    constraint event_actor_kind_check check (actor_kind in ('user', 'agent', 'system'))
)
-- Counts are read from indexes alone where vacuum has seen the rows.
with (autovacuum_vacuum_insert_scale_factor = 0.02);
create index event_organization_id_sequence_idx on event (organization_id, sequence);
create index event_board_id_sequence_idx on event (board_id, sequence) where board_id is not null;
create index event_task_id_sequence_idx on event (task_id, sequence) where task_id is not null;
create index event_agent_id_sequence_idx on event (agent_id, sequence) where agent_id is not null;
create index event_actor_id_sequence_idx on event (actor_id, sequence) where actor_kind = 'agent';
-- Error rates are counted from this index alone.
create index event_organization_id_occurred_at_idx on event (organization_id, occurred_at)
    include (board_id, failed);

create function event_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the event log is append-only' using errcode = 'restrict_violation';
end
$$;
create trigger event_append_only before update or delete on event
    for each row execute function event_refuse_change();
create trigger event_no_truncate before truncate on event
    for each statement execute function event_refuse_change();
