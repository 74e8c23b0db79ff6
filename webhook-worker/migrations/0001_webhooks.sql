-- Receivers of events, and what each of them is to be told.

-- How many endpoints an organization has: one row, so that the limit holds whoever creates one at the same time.
create table webhook_quota (
    organization_id uuid constraint webhook_quota_pkey primary key,
    endpoints integer not null constraint webhook_quota_limit check (endpoints between 0 and 50)
);

create table webhook_endpoint (
    -- UUID v7.
    id uuid constraint webhook_endpoint_pkey primary key,
    organization_id uuid not null,
    -- Only events of this board; null stands for the whole organization.
    board_id uuid,
    url text not null constraint webhook_endpoint_url_length check (char_length(url) between 1 and 2000),
    description text constraint webhook_endpoint_description_length check (char_length(description) between 1 and 1000),
    -- `task.created`, `task.*` or `*`.
    event_types text[] not null
        constraint webhook_endpoint_event_types_count check (cardinality(event_types) between 1 and 50),
    enabled boolean not null,
    -- The 32 bytes of the signing secret, sealed under `webhook_endpoint/<id>`.
    secret bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index webhook_endpoint_organization_id_created_at_idx
    on webhook_endpoint (organization_id, created_at desc, id desc);

-- One event for one endpoint. How it is brought there is kept beside it, in `delivery` under the same id.
create table webhook_delivery (
    -- UUID v7, and the `webhook-id` of every attempt.
    id uuid constraint webhook_delivery_pkey primary key
        constraint webhook_delivery_id_fkey references delivery (id) on delete cascade,
    webhook_endpoint_id uuid not null
        constraint webhook_delivery_webhook_endpoint_id_fkey references webhook_endpoint (id),
    event_id uuid not null,
    event_type text not null,
    -- JSON as it is signed and sent. Not `jsonb`: that would not keep the order of its keys, nor every text.
    body text not null,
    -- The state of `delivery` after the last attempt that ended: copied here, in the same transaction, to be listed by.
    state text not null
        constraint webhook_delivery_state_known check (state in ('waiting', 'delivered', 'failed', 'dead')),
    created_at timestamptz not null,
    constraint webhook_delivery_event_id_key unique (webhook_endpoint_id, event_id)
);

create index webhook_delivery_webhook_endpoint_id_created_at_idx
    on webhook_delivery (webhook_endpoint_id, created_at desc, id desc);
create index webhook_delivery_webhook_endpoint_id_state_created_at_idx
    on webhook_delivery (webhook_endpoint_id, state, created_at desc, id desc);
