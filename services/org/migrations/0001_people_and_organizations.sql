-- Tenants, people, and which person may do what in which tenant.

create table organization (
    id uuid constraint organization_pkey primary key,
    name text not null constraint organization_name_length check (char_length(name) between 1 and 200),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- `user` is a reserved word.
create table user_account (
    id uuid constraint user_account_pkey primary key,
    -- Subject at the identity provider: decides who the first of two simultaneous sign-ins is.
    clerk_user_id text not null constraint user_account_clerk_user_id_key unique,
    email text constraint user_account_email_length check (char_length(email) <= 320),
    name text constraint user_account_name_length check (char_length(name) <= 200),
    preferred_name text constraint user_account_preferred_name_length check (char_length(preferred_name) <= 200),
    pronouns text constraint user_account_pronouns_length check (char_length(pronouns) <= 200),
    timezone text constraint user_account_timezone_length check (char_length(timezone) <= 200),
    notes text constraint user_account_notes_length check (char_length(notes) <= 10000),
    context text constraint user_account_context_length check (char_length(context) <= 10000),
    is_super_admin boolean not null default false,
    -- What the person chose last. Not proof of membership: readers join `member`.
    active_organization_id uuid
        constraint user_account_active_organization_id_fkey references organization (id) on delete set null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index user_account_active_organization_id_idx on user_account (active_organization_id);

create table member (
    id uuid constraint member_pkey primary key,
    organization_id uuid not null
        constraint member_organization_id_fkey references organization (id) on delete cascade,
    user_id uuid not null constraint member_user_id_fkey references user_account (id) on delete cascade,
    role text not null constraint member_role_known check (role in ('owner', 'admin', 'member')),
    all_boards_read boolean not null,
    all_boards_write boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint member_organization_id_user_id_key unique (organization_id, user_id),
    constraint member_write_implies_read check (all_boards_read or not all_boards_write)
);

create index member_user_id_created_at_idx on member (user_id, created_at, id);

-- A right of one member on one board. Boards live elsewhere: their ids are not checked here.
create table board_access (
    id uuid constraint board_access_pkey primary key,
    member_id uuid not null constraint board_access_member_id_fkey references member (id) on delete cascade,
    board_id uuid not null,
    can_read boolean not null,
    can_write boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint board_access_member_id_board_id_key unique (member_id, board_id),
    constraint board_access_write_implies_read check (can_read or not can_write)
);
