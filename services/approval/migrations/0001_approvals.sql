-- Requests to people, their decisions, and the tasks that wait for them.

create table approval (
    -- UUID v7.
    id uuid constraint approval_pkey primary key,
    organization_id uuid not null,
    board_id uuid not null,
    action_type text not null constraint approval_action_type_length check (char_length(action_type) between 1 and 100),
    payload jsonb constraint approval_payload_object check (jsonb_typeof(payload) = 'object'),
    confidence double precision not null constraint approval_confidence_range check (confidence between 0 and 100),
    rubric_scores jsonb not null
        constraint approval_rubric_scores_object check (jsonb_typeof(rubric_scores) = 'object'),
    status text not null constraint approval_status_known check (status in ('pending', 'approved', 'rejected')),
    created_by_user_id uuid,
    created_by_agent_id uuid,
    created_at timestamptz not null,
    resolved_by_user_id uuid,
    resolved_by_name text,
    note text constraint approval_note_length check (char_length(note) <= 2000),
    resolved_at timestamptz,
    constraint approval_one_creator check (num_nonnulls(created_by_user_id, created_by_agent_id) = 1),
    -- A decision is whole or absent, and only a person makes one.
    constraint approval_resolution_whole check (
        case status
            when 'pending' then num_nonnulls(resolved_by_user_id, resolved_by_name, resolved_at, note) = 0
            else num_nulls(resolved_by_user_id, resolved_by_name, resolved_at) = 0
        end
    )
);

create index approval_board_id_created_at_idx on approval (board_id, created_at desc, id desc);
create index approval_board_id_status_created_at_idx on approval (board_id, status, created_at desc, id desc);

-- A task that an approval is about, as it was when the approval was asked for.
create table approval_task (
    approval_id uuid not null
        constraint approval_task_approval_id_fkey references approval (id) on delete cascade,
    task_id uuid not null,
    -- Order in which the tasks were named, from 0.
    position integer not null,
    -- The cycle of the task for which the approval counts.
    cycle integer not null,
    title text not null,
    -- Whether the approval is still pending: copied here, in the same transaction, so that an index can count.
    pending boolean not null,
    constraint approval_task_pkey primary key (approval_id, task_id)
);

-- A task has at most one pending approval, whoever asks at the same time.
create unique index approval_task_pending_key on approval_task (task_id) where pending;
create index approval_task_task_id_cycle_idx on approval_task (task_id, cycle);
