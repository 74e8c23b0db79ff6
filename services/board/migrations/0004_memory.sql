create table board_memory (
    id                   uuid not null,
    organization_id      uuid not null,
    board_id             uuid not null,
    content              text not null,
    tags                 text[] not null,
    source               text,
    is_chat              boolean not null,
    -- Who wrote it. The id is null once the account is gone; the name stays.
    author_kind          text not null,
    author_id            uuid,
    author_name          text not null,
    mentioned_agent_ids  uuid[] not null,
    created_at           timestamptz not null,
    constraint board_memory_pkey primary key (id),
    constraint board_memory_board_id_fkey foreign key (board_id) references board (id) on delete cascade,
    constraint board_memory_author_kind_check check (author_kind in ('user', 'agent')),
    constraint board_memory_is_chat_check check (is_chat = ('chat' = any (tags)))
);

create index board_memory_board_idx on board_memory (board_id, created_at desc, id desc);
create index board_memory_board_is_chat_idx on board_memory (board_id, is_chat, created_at desc, id desc);
create index board_memory_organization_idx on board_memory (organization_id, created_at);
create index board_memory_author_id_idx on board_memory (author_id) where author_kind = 'user' and author_id is not null;

create table group_memory (
    id                   uuid not null,
    organization_id      uuid not null,
    board_group_id       uuid not null,
    -- The board through which it was written.
    board_id             uuid,
    content              text not null,
    tags                 text[] not null,
    source               text,
    is_chat              boolean not null,
    -- Who wrote it. The id is null once the account is gone; the name stays.
    author_kind          text not null,
    author_id            uuid,
    author_name          text not null,
    mentioned_agent_ids  uuid[] not null,
    created_at           timestamptz not null,
    constraint group_memory_pkey primary key (id),
    constraint group_memory_board_group_id_fkey
        foreign key (board_group_id) references board_group (id) on delete cascade,
    constraint group_memory_board_id_fkey foreign key (board_id) references board (id) on delete set null,
    constraint group_memory_author_kind_check check (author_kind in ('user', 'agent')),
    constraint group_memory_is_chat_check check (is_chat = ('chat' = any (tags)))
);

create index group_memory_group_idx on group_memory (board_group_id, created_at desc, id desc);
create index group_memory_group_is_chat_idx on group_memory (board_group_id, is_chat, created_at desc, id desc);
create index group_memory_organization_idx on group_memory (organization_id, created_at);
create index group_memory_board_id_idx on group_memory (board_id) where board_id is not null;
create index group_memory_author_id_idx on group_memory (author_id) where author_kind = 'user' and author_id is not null;

-- Organizations that do not keep their memory for ever.
create table memory_retention (
    organization_id  uuid not null,
    days             integer not null,
    constraint memory_retention_pkey primary key (organization_id),
    constraint memory_retention_days_check check (days between 1 and 3650)
);
