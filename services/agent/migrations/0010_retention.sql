-- Forgetting what is settled once it is older than its organization wants.

create index notice_organization_id_idx on notice (organization_id, created_at);
-- In the order of an agent's jobs: whether one is its newest.
drop index job_agent_id_idx;
create index job_agent_id_idx on job (agent_id, created_at desc, id desc);
-- What was done for something that has no row of its own, or has none any more.
create index delivery_settled_idx on delivery (queue, target, created_at) where state in ('sent', 'dead');
