-- Keys that were in the heartbeat of an agent and are still to be taken off its gateway: what people see of it has them no more.
alter table agent add column heartbeat_removed text[] not null default '{}';
