-- The device key of the installation, and which replica holds which gateway.

-- One row. Gateways approve a device by its key, so it is made once and never again.
create table device (
    singleton boolean not null default true,
    -- What gateways know the device by: SHA-256 of its public key.
    id text not null,
    key_sealed bytea not null,
    created_at timestamptz not null default now(),
    constraint device_pkey primary key (singleton),
    constraint device_singleton_check check (singleton)
);

-- Who may have a session to a gateway. A row outlives its lease, so that its number only ever grows.
create table lease (
    gateway_id text not null,
    instance_id uuid not null,
    -- Where the holder takes requests; empty when others cannot reach it.
    address text not null,
    fence bigint not null,
    expires_at timestamptz not null,
    constraint lease_pkey primary key (gateway_id)
);
create index lease_instance_id_idx on lease (instance_id);
create index lease_expires_at_idx on lease (expires_at);
