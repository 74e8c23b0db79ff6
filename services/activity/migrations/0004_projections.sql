-- Projections of groups, of decided approvals and of who agents are; tombstones, so that an event that comes late brings
-- nothing back.

alter table board_state add column deleted_at timestamptz;
create index board_state_board_group_id_idx on board_state (board_group_id) where board_group_id is not null;

create table group_state (
    group_id uuid not null,
    organization_id uuid not null,
    name text not null,
    deleted_at timestamptz,
    constraint group_state_pkey primary key (group_id)
);
create index group_state_organization_id_idx on group_state (organization_id);

alter table agent_state
    add column name text not null default '',
    -- `role` in the identity profile.
    add column role text,
    add column deleted_at timestamptz;
update agent_state set
    name = coalesce(told.agent ->> 'name', ''),
    role = nullif(btrim(told.agent -> 'identity_profile' ->> 'role'), '')
from (
    -- JSON with an escaped NUL cannot be taken apart; what it said comes with the agent's next event.
    select distinct on (agent_id) agent_id,
        case when position('\u0000' in payload::text) = 0 then payload -> 'agent' end as agent
    from event
    where agent_id is not null
        and type in ('agent.created', 'agent.updated', 'agent.provisioned', 'agent.provision_failed', 'agent.checked_in')
    order by agent_id, sequence desc
) as told
where told.agent_id = agent_state.agent_id;

-- A decided approval stays, so that its creation, should it come later, does not open it again.
alter table pending_approval rename to approval_state;
alter table approval_state rename constraint pending_approval_pkey to approval_state_pkey;
alter table approval_state
    add column version bigint not null default 0,
    add column is_pending boolean not null default true;
alter table approval_state alter column version drop default;
alter table approval_state alter column is_pending drop default;
drop index pending_approval_organization_id_created_at_idx;
create index approval_state_organization_id_created_at_idx on approval_state (organization_id, created_at)
    where is_pending;

-- What goes with a board or with an organization is found by it.
create index task_state_board_id_idx on task_state (board_id);
create index task_stay_board_id_idx on task_stay (board_id);
create index task_cycle_board_id_idx on task_cycle (board_id);
create index agent_state_board_id_idx on agent_state (board_id) where board_id is not null;
create index approval_state_board_id_idx on approval_state (board_id);
