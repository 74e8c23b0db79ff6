-- How long an organization keeps what is settled stands beside the deliveries, as in every schema that has some.
insert into delivery_retention (organization_id, days)
select organization_id, days from webhook_retention
on conflict on constraint delivery_retention_pkey do nothing;
drop table webhook_retention;
