-- Versions, expiry, several deciders, policies, and what became of each approval.

alter table approval
    -- Grows with every change.
    add column version bigint not null default 1 constraint approval_version_positive check (version >= 1),
    -- Who asked, as far as policies tell callers apart. Unknown for agents that asked before there were policies.
    add column requester text constraint approval_requester_known check (requester in ('user', 'lead', 'worker')),
    -- How often it has been opened. Votes count for the round in which they were given.
    add column round integer not null default 1 constraint approval_round_positive check (round >= 1),
    -- When it was created or last reopened.
    add column opened_at timestamptz,
    add column expires_at timestamptz,
    add column required_approvals integer not null default 1
        constraint approval_required_approvals_range check (required_approvals between 1 and 10),
    add column self_approval_forbidden boolean not null default false,
    -- The policy that applied. It may be gone.
    add column policy_id uuid;

update approval
set opened_at = created_at,
    version = case status when 'pending' then 1 else 2 end,
    requester = case when created_by_user_id is not null then 'user' end;

alter table approval
    alter column version drop default,
    alter column round drop default,
    alter column required_approvals drop default,
    alter column self_approval_forbidden drop default,
    alter column opened_at set not null,
    add constraint approval_expires_later check (expires_at > opened_at),
    drop constraint approval_status_known,
    add constraint approval_status_known check (status in ('pending', 'approved', 'rejected', 'expired')),
    -- Nobody, once the account of whoever asked is deleted.
    drop constraint approval_one_creator,
    add constraint approval_one_creator check (num_nonnulls(created_by_user_id, created_by_agent_id) <= 1),
    -- A decision is whole or absent. A policy that decided has a name and no account; nor has a person whose account is deleted.
    drop constraint approval_resolution_whole,
    add constraint approval_resolution_whole check (
        case status
            when 'pending' then num_nonnulls(resolved_by_user_id, resolved_by_name, resolved_at, note) = 0
            when 'expired' then
                resolved_at is not null and num_nonnulls(resolved_by_user_id, resolved_by_name, note) = 0
            else num_nulls(resolved_by_name, resolved_at) = 0
        end
    );

create index approval_expires_at_idx on approval (expires_at) where status = 'pending' and expires_at is not null;
create index approval_organization_id_created_at_idx on approval (organization_id, created_at desc, id desc);
create index approval_created_by_user_id_idx on approval (created_by_user_id) where created_by_user_id is not null;
create index approval_resolved_by_user_id_idx on approval (resolved_by_user_id) where resolved_by_user_id is not null;

-- One person's approval.
create table approval_vote (
    -- UUID v7.
    id uuid constraint approval_vote_pkey primary key,
    approval_id uuid not null constraint approval_vote_approval_id_fkey references approval (id) on delete cascade,
    round integer not null,
    -- Nobody, once the account is deleted.
    user_id uuid,
    user_name text not null,
    note text constraint approval_vote_note_length check (char_length(note) <= 2000),
    at timestamptz not null,
    constraint approval_vote_once_key unique (approval_id, round, user_id)
);
create index approval_vote_user_id_idx on approval_vote (user_id) where user_id is not null;

insert into approval_vote (id, approval_id, round, user_id, user_name, note, at)
select gen_random_uuid(), id, round, resolved_by_user_id, resolved_by_name, note, resolved_at
from approval where status = 'approved';

-- What became of an approval.
create table approval_history (
    -- UUID v7.
    id uuid constraint approval_history_pkey primary key,
    approval_id uuid not null constraint approval_history_approval_id_fkey references approval (id) on delete cascade,
    change text not null constraint approval_history_change_known check (
        change in ('created', 'voted', 'approved', 'rejected', 'expired', 'reopened')
    ),
    -- Neither, when Mission Control did it or the account is deleted.
    user_id uuid,
    agent_id uuid,
    actor_name text not null,
    note text constraint approval_history_note_length check (char_length(note) <= 2000),
    -- The version of the approval after it.
    version bigint not null,
    at timestamptz not null,
    constraint approval_history_one_actor check (num_nonnulls(user_id, agent_id) <= 1),
    constraint approval_history_version_key unique (approval_id, version)
);
create index approval_history_user_id_idx on approval_history (user_id) where user_id is not null;

insert into approval_history (id, approval_id, change, user_id, agent_id, actor_name, version, at)
select gen_random_uuid(), id, 'created', created_by_user_id, created_by_agent_id,
       case when created_by_user_id = resolved_by_user_id then resolved_by_name else 'Unknown' end, 1, created_at
from approval;
insert into approval_history (id, approval_id, change, user_id, actor_name, note, version, at)
select gen_random_uuid(), id, status, resolved_by_user_id, resolved_by_name, note, 2, resolved_at
from approval where status <> 'pending';

-- Rules of an organization about who decides.
create table approval_policy (
    -- UUID v7.
    id uuid constraint approval_policy_pkey primary key,
    organization_id uuid not null,
    name text not null constraint approval_policy_name_length check (char_length(name) between 1 and 200),
    enabled boolean not null,
    position integer not null constraint approval_policy_position_range check (position between 0 and 10000),
    action_type text constraint approval_policy_action_type_length check (char_length(action_type) between 1 and 100),
    board_id uuid,
    min_confidence double precision
        constraint approval_policy_min_confidence_range check (min_confidence between 0 and 100),
    max_confidence double precision
        constraint approval_policy_max_confidence_range check (max_confidence between 0 and 100),
    requester_roles text[] not null constraint approval_policy_requester_roles_known check (
        requester_roles <@ array['user', 'lead', 'worker']
    ),
    effect text not null constraint approval_policy_effect_known check (effect in ('auto_approve', 'require_approvals')),
    required_approvals integer not null
        constraint approval_policy_required_approvals_range check (required_approvals between 1 and 10),
    forbid_self_approval boolean not null,
    expires_after_seconds integer constraint approval_policy_expires_after_seconds_range check (
        expires_after_seconds between 60 and 31536000
    ),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint approval_policy_confidence_order check (min_confidence <= max_confidence)
);
create index approval_policy_organization_id_position_idx on approval_policy (organization_id, position, created_at, id);
create index approval_policy_board_id_idx on approval_policy (board_id) where board_id is not null;

-- What was deleted elsewhere not long ago, so that a request that was under way at that moment leaves nothing behind.
create table tombstone (
    id uuid constraint tombstone_pkey primary key,
    kind text not null constraint tombstone_kind_known check (kind in ('task', 'board', 'organization', 'user')),
    at timestamptz not null
);
create index tombstone_at_idx on tombstone (at);
