-- What an organization keeps and for how long, who is invited to it, and the credentials that people make for themselves.

alter table organization
    add column event_retention_days integer
        constraint organization_event_retention_days_range check (event_retention_days between 1 and 3650),
    add column payload_retention_days integer
        constraint organization_payload_retention_days_range check (payload_retention_days between 1 and 3650),
    add column memory_retention_days integer
        constraint organization_memory_retention_days_range check (memory_retention_days between 1 and 3650);

create index user_account_email_idx on user_account (lower(email));
-- People who joined by an invite have no subject at an identity provider: their address decides who they are.
create unique index user_account_invited_email_key on user_account (lower(email))
    where starts_with(clerk_user_id, 'invite:');

create index board_access_board_id_idx on board_access (board_id);

create table invite (
    id uuid constraint invite_pkey primary key,
    organization_id uuid not null
        constraint invite_organization_id_fkey references organization (id) on delete cascade,
    -- Lower case.
    invited_email text not null constraint invite_invited_email_length check (char_length(invited_email) between 3 and 320),
    -- bcrypt of the token's secret.
    token_hash text not null,
    role text not null constraint invite_role_known check (role in ('owner', 'admin', 'member')),
    all_boards_read boolean not null,
    all_boards_write boolean not null,
    created_by_user_id uuid
        constraint invite_created_by_user_id_fkey references user_account (id) on delete set null,
    accepted_by_user_id uuid
        constraint invite_accepted_by_user_id_fkey references user_account (id) on delete set null,
    -- Null while it waits.
    accepted_at timestamptz,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint invite_write_implies_read check (all_boards_read or not all_boards_write)
);

-- One waiting invite for an address.
create unique index invite_waiting_key on invite (organization_id, invited_email) where accepted_at is null;
create index invite_waiting_idx on invite (organization_id, created_at desc, id desc) where accepted_at is null;
create index invite_created_by_user_id_idx on invite (created_by_user_id);
create index invite_accepted_by_user_id_idx on invite (accepted_by_user_id);

-- A right on one board that the invited person will have. Boards live elsewhere: their ids are not checked here.
create table invite_access (
    invite_id uuid not null constraint invite_access_invite_id_fkey references invite (id) on delete cascade,
    board_id uuid not null,
    can_write boolean not null,
    constraint invite_access_pkey primary key (invite_id, board_id)
);

create index invite_access_board_id_idx on invite_access (board_id);

-- A credential of a person in one organization. It ends with the membership.
create table api_token (
    id uuid constraint api_token_pkey primary key,
    organization_id uuid not null,
    user_id uuid not null,
    name text not null constraint api_token_name_length check (char_length(name) between 1 and 100),
    -- bcrypt of the token's secret.
    hash text not null,
    -- Empty stands for everything that the person may do.
    scopes text[] not null constraint api_token_scopes_known check (scopes <@ array['read', 'write', 'admin']),
    created_at timestamptz not null,
    expires_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    constraint api_token_member_fkey foreign key (organization_id, user_id)
        references member (organization_id, user_id) on delete cascade
);

create index api_token_member_created_at_idx on api_token (organization_id, user_id, created_at desc, id desc);
