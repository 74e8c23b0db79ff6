-- Wake-ups that wait for a call of the agent, agents that were on their gateway before, and messages to one agent.

-- Wake-ups since the agent last called.
alter table agent add column wake_attempts integer not null default 0;
alter table agent add column last_wake_sent_at timestamptz;
-- Until when the last wake-up waits for the agent; null when none does.
alter table agent add column checkin_deadline_at timestamptz;
-- Of an agent that ran on its gateway before it was ours: its id there and its directory.
alter table agent add column runtime_key text;
alter table agent add column runtime_workspace text;
alter table agent add constraint agent_runtime_check check ((runtime_key is null) = (runtime_workspace is null));
create unique index agent_runtime_key_key on agent (gateway_id, lower(runtime_key)) where leaving_at is null;

-- Main agents belong to no board.
alter table notice alter column board_id drop not null;
-- Who wrote it, when an agent did.
alter table notice add column from_agent_id uuid;
-- Whether the agent's answer goes out over the channel of its session.
alter table notice add column deliver boolean not null default false;
update notice set deliver = true where kind = 'board_command';
alter table notice drop constraint notice_kind_check;
alter table notice add constraint notice_kind_check check (kind in (
    'task_assigned', 'task_created', 'task_ready_for_review', 'task_changes_requested', 'task_back_in_inbox',
    'task_comment', 'approval_resolved', 'board_updated', 'board_group_join', 'board_group_leave', 'board_chat',
    'board_command', 'group_chat', 'group_broadcast', 'nudge', 'ask_user', 'lead_message', 'lead_broadcast',
    'onboarding', 'skill_install', 'skill_uninstall'
));
