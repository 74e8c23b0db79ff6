-- What a row says can be taken out of the log without breaking its chain.
--
-- Until here (format 1) the hash of a row covered its content directly, so a row without content could not be verified. From
-- here on (format 2) it covers a salted digest of the content. Rows of format 1 keep their hash, which holds as long as their
-- content is there; each gets a digest too, and a seal: what its hash would have been in format 2, over its digest and over the
-- hash that it had. The seals are the chain's first stretch: each covers the one before, and the first row of format 2 covers
-- the last of them. A row of format 1 that loses its content is then verified by its seal.

alter table event
    add column format smallint not null default 1,
    -- Random. Goes with the content: without it nobody can try out what the digest was made of.
    add column salt bytea,
    -- SHA-256 over the salt and the content.
    add column digest bytea,
    -- Format 1 alone.
    add column seal bytea,
    add column redacted_at timestamptz,
    alter column actor_name drop not null,
    alter column message drop not null,
    alter column payload drop not null,
    alter column encoded drop not null;

-- A value with its length in front, as `chain.rs` writes it; null as nothing.
create function chain_part(value bytea) returns bytea language sql immutable as $$
    select int8send(coalesce(length(value), 0)::bigint) || coalesce(value, ''::bytea)
$$;

alter table event disable trigger event_append_only;
do $$
declare
    entry event%rowtype;
    previous bytea := decode(repeat('00', 32), 'hex');
    made_salt bytea;
    made_digest bytea;
begin
    for entry in select * from event order by sequence loop
        made_salt := uuid_send(gen_random_uuid());
        made_digest := sha256(
            chain_part(made_salt)
            || chain_part(convert_to(entry.actor_name, 'UTF8'))
            || chain_part(convert_to(entry.message, 'UTF8'))
            || chain_part(convert_to(entry.payload::text, 'UTF8'))
            || chain_part(entry.encoded)
        );
        previous := sha256(
            chain_part(convert_to('mission-control.log.2', 'UTF8'))
            || chain_part(previous)
            || chain_part(int8send(entry.sequence))
            || chain_part(uuid_send(entry.id))
            || chain_part(uuid_send(entry.organization_id))
            || chain_part(uuid_send(entry.board_id))
            || chain_part(uuid_send(entry.task_id))
            || chain_part(uuid_send(entry.agent_id))
            || chain_part(convert_to(entry.type, 'UTF8'))
            || chain_part(convert_to(entry.actor_kind, 'UTF8'))
            || chain_part(uuid_send(entry.actor_id))
            || chain_part(int8send((extract(epoch from entry.occurred_at) * 1000000)::bigint))
            || chain_part(made_digest)
            || chain_part(entry.hash)
        );
        update event set salt = made_salt, digest = made_digest, seal = previous where sequence = entry.sequence;
    end loop;
    update chain_head set hash = previous where sequence > 0;
end
$$;
alter table event enable trigger event_append_only;
drop function chain_part(bytea);

alter table event
    alter column format drop default,
    alter column digest set not null,
    add constraint event_format_check check (format in (1, 2)),
    add constraint event_seal_check check ((format = 1) = (seal is not null)),
    -- The content is there whole, or gone whole.
    add constraint event_content_check check (
        num_nulls(salt, actor_name, message, payload, encoded) = case when redacted_at is null then 0 else 5 end
    );

-- Redaction is the one change that the log admits: the content goes, everything else stays.
create or replace function event_refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if old.redacted_at is null and new.redacted_at is not null
            and num_nonnulls(new.salt, new.actor_name, new.message, new.payload, new.encoded) = 0
            and (new.sequence, new.id, new.organization_id, new.board_id, new.task_id, new.agent_id, new.type,
                new.actor_kind, new.actor_id, new.occurred_at, new.hash, new.format, new.digest, new.seal)
                is not distinct from
                (old.sequence, old.id, old.organization_id, old.board_id, old.task_id, old.agent_id, old.type,
                old.actor_kind, old.actor_id, old.occurred_at, old.hash, old.format, old.digest, old.seal)
        then
            return new;
        end if;
    end if;
    raise exception 'the event log is append-only' using errcode = 'restrict_violation';
end
$$;

-- Rows whose content may be due to go.
create index event_content_idx on event (organization_id, occurred_at) where redacted_at is null;

-- How long the content of an organization's events is kept.
create table retention (
    organization_id uuid not null,
    -- Null: for ever.
    event_days integer,
    -- Set when the organization was deleted: all of its content goes.
    deleted_at timestamptz,
    constraint retention_pkey primary key (organization_id),
    constraint retention_event_days_check check (event_days between 1 and 3650)
);

-- What readers narrow the log by.
drop index event_actor_id_sequence_idx;
create index event_actor_id_sequence_idx on event (actor_id, sequence) where actor_id is not null;
create index event_organization_id_type_sequence_idx on event (organization_id, type text_pattern_ops, sequence);
-- Error rates are counted, and moments found, from this index alone.
drop index event_organization_id_occurred_at_idx;
create index event_organization_id_occurred_at_idx on event (organization_id, occurred_at)
    include (sequence, board_id, task_id, failed);
