-- Organizations that do not keep what is settled for ever.
create table delivery_retention (
    organization_id uuid    not null,
    days            integer not null,
    constraint delivery_retention_pkey primary key (organization_id),
    constraint delivery_retention_days_check check (days between 1 and 3650)
);
