-- Jobs that do more than write files, tokens that can be written again, and wake-ups that are due.

-- What a job does beyond bringing an agent's files up to date: the names that are true, and the template sync it is for.
alter table job add column wish jsonb not null default '{}';
update job set wish = '{"wake": true}' where finished_at is null and kind in ('provision', 'update');
alter table job add column sync_id uuid generated always as ((wish ->> 'sync_id')::uuid) stored;
create index job_sync_id_idx on job (sync_id) where sync_id is not null;
-- The same of the job that follows it.
alter table job add column again_wish jsonb not null default '{}';
-- The person for whom it runs.
alter table job add column requested_by_id uuid;
-- Why it was given up; null while it runs and when it did what it was for.
alter table job add column error text;
alter table job drop constraint job_step_check;
alter table job add constraint job_step_check
    check (step in ('token', 'ensure', 'files', 'reset', 'wake', 'remove', 'done'));

-- The newest token, sealed: whoever writes the files again writes the same one.
alter table agent_token rename column unwritten_sealed to newest_sealed;
-- Whether the files hold it.
alter table agent_token add column is_written boolean not null default true;
update agent_token set is_written = false where newest_sealed is not null;

-- Wake-ups that are due, now or when the last one has waited long enough. Each has the delivery of its id.
create table wake (
    id uuid constraint wake_pkey primary key,
    agent_id uuid not null constraint wake_agent_id_fkey references agent (id) on delete cascade,
    -- Begins to count anew: somebody wants the agent awake.
    is_first boolean not null,
    -- When the message that was accepted set out.
    sent_at timestamptz,
    -- Waits for the agent's board to be resumed.
    is_held boolean not null default false,
    created_at timestamptz not null,
    constraint wake_agent_id_key unique (agent_id)
);
