-- Packs of skills, the skills of an organization, what its gateways were asked to install, and the souls of agents.

create table skill_pack (
    id uuid constraint skill_pack_pkey primary key,
    organization_id uuid not null,
    name text not null,
    description text,
    source_url text not null,
    -- The same repository whatever its spelling: the address in small letters.
    repository text not null,
    branch text not null,
    metadata jsonb not null,
    sync_state text not null default 'never'
        constraint skill_pack_sync_state_check check (sync_state in ('never', 'running', 'done', 'failed')),
    -- The last sync; its delivery has the same id.
    sync_id uuid,
    -- When the repository was last read.
    synced_at timestamptz,
    sync_error text,
    sync_warnings text[] not null default '{}',
    -- What the last sync came to.
    sync_found integer not null default 0,
    sync_created integer not null default 0,
    sync_updated integer not null default 0,
    sync_vanished integer not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint skill_pack_repository_key unique (organization_id, repository),
    constraint skill_pack_sync_check check (sync_state = 'never' or sync_id is not null)
);
create index skill_pack_organization_id_idx on skill_pack (organization_id, created_at desc, id desc);

create table skill (
    id uuid constraint skill_pkey primary key,
    organization_id uuid not null,
    -- The pack whose sync found it last; null when somebody added it by hand.
    pack_id uuid constraint skill_pack_id_fkey references skill_pack (id) on delete set null,
    name text not null,
    description text,
    category text,
    risk text,
    source text,
    source_url text not null,
    -- The repository that holds it, as packs name theirs.
    repository text not null,
    metadata jsonb not null,
    -- When a sync no longer found it in its pack.
    vanished_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint skill_source_url_key unique (organization_id, source_url)
);
create index skill_organization_id_idx on skill (organization_id, created_at desc, id desc);
create index skill_repository_idx on skill (organization_id, repository);
create index skill_pack_id_idx on skill (pack_id);

-- What a gateway was asked to install or to remove. The row goes when the gateway no longer has the skill.
create table skill_install (
    gateway_id uuid not null constraint skill_install_gateway_id_fkey references gateway (id) on delete cascade,
    skill_id uuid not null constraint skill_install_skill_id_fkey references skill (id) on delete cascade,
    state text not null
        constraint skill_install_state_check
        check (state in ('requested', 'told', 'confirmed', 'failed', 'removing')),
    -- Why it failed.
    error text,
    -- The last request to the main agent of the gateway.
    notice_id uuid not null,
    -- The delivery that asks the gateway what became of it.
    check_id uuid,
    -- Since when the gateway is known to have it, or was told.
    installed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint skill_install_pkey primary key (gateway_id, skill_id),
    constraint skill_install_installed_check check (state not in ('told', 'confirmed') or installed_at is not null)
);
create index skill_install_skill_id_idx on skill_install (skill_id);
create unique index skill_install_notice_id_key on skill_install (notice_id);

-- The souls that an agent was given.
create table soul_revision (
    id uuid constraint soul_revision_pkey primary key,
    agent_id uuid not null constraint soul_revision_agent_id_fkey references agent (id) on delete cascade,
    content text not null,
    -- Hex SHA-256 of the content.
    content_sha256 text not null,
    source_url text,
    reason text,
    author_name text not null,
    created_at timestamptz not null
);
create index soul_revision_agent_id_idx on soul_revision (agent_id, created_at desc, id desc);
