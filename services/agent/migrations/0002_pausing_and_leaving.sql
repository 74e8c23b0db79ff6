-- Boards whose agents are paused, agents and gateways that go, and what agents are told of boards, groups and chat.

-- What the agents of these boards are to be told waits.
create table paused_board (
    board_id uuid constraint paused_board_pkey primary key,
    organization_id uuid not null,
    paused_at timestamptz not null
);
create index paused_board_organization_id_idx on paused_board (organization_id);

-- Boards and organizations that were deleted lately: whoever comes late makes nothing on them any more.
create table gone (
    id uuid constraint gone_pkey primary key,
    gone_at timestamptz not null
);
create index gone_gone_at_idx on gone (gone_at);

-- Since when it goes. From then on it has no token, nobody finds it, and it is told nothing; the row stays until its
-- gateway has let go of it.
alter table agent add column leaving_at timestamptz;
alter table agent add constraint agent_leaving_check check (phase <> 'deleting' or leaving_at is not null);
create index agent_leaving_idx on agent (gateway_id) where leaving_at is not null;
-- One that goes gives its name free at once.
drop index agent_name_key;
create unique index agent_name_key on agent (gateway_id, lower(name)) where leaving_at is null;

-- Goes with its last agent.
alter table gateway add column leaving_at timestamptz;

alter table job drop constraint job_kind_check;
alter table job add constraint job_kind_check check (kind in ('provision', 'update', 'pace', 'delete'));
alter table job drop constraint job_step_check;
alter table job add constraint job_step_check
    check (step in ('token', 'ensure', 'files', 'wake', 'remove', 'done'));
create index job_agent_id_idx on job (agent_id);

alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'task_assigned', 'task_created', 'task_ready_for_review', 'task_changes_requested', 'task_back_in_inbox',
    'task_comment', 'approval_resolved', 'board_updated', 'board_group_join', 'board_group_leave', 'board_chat',
    'board_command', 'group_chat', 'group_broadcast'
));
-- One happening can be several things to one agent: its board left one group and joined another.
alter table notice drop constraint notice_event_id_agent_id_key;
alter table notice add constraint notice_event_id_agent_id_kind_key unique (event_id, agent_id, kind);
-- `held`: waits for its agent to be put in place or for its board to be resumed; has no delivery yet.
create index notice_board_held_idx on notice (board_id) where held;
