-- Organizations that do not keep what was delivered for ever.
create table webhook_retention (
    organization_id uuid constraint webhook_retention_pkey primary key,
    days integer not null constraint webhook_retention_days_check check (days between 1 and 3650)
);

create index webhook_endpoint_board_id_idx on webhook_endpoint (board_id) where board_id is not null;
