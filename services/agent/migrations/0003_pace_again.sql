-- Its agent is to keep another pace since: a job that tells the gateway follows, unless one that does more follows anyway.
alter table job add column pace_again boolean not null default false;
