-- Boards whose gateway was deleted under them, and the gateways that were.

-- Null: its gateway is gone; an admin gives it another.
alter table board alter column gateway_id drop not null;
create index board_organization_gateway_idx on board (organization_id, gateway_id, created_at desc, id desc);

-- Gateways that were deleted lately: no board comes to live on one late.
create table gone_gateway (
    id uuid constraint gone_gateway_pkey primary key,
    gone_at timestamptz not null
);
