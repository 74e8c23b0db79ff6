//! Skills and packs in the words of the contract, and what is told about them.

use chassis::encode;
use chrono::{DateTime, Utc};
use proto::{
    agent::v1 as wire,
    event::v1::{self as event, Actor, Change, Event, event::Payload},
};

use crate::{
    skill::{Card, Pack, Skill, SyncState, install::State},
    store::installs::Asked,
};

pub(crate) fn skill(skill: &Skill) -> wire::Skill {
    wire::Skill {
        id: skill.id.to_string(),
        organization_id: skill.organization_id.to_string(),
        name: skill.name.clone(),
        description: skill.description.clone(),
        category: skill.category.clone(),
        risk: skill.risk.clone(),
        source: skill.source.clone(),
        source_url: skill.source_url.clone(),
        metadata: encode::to_struct(&skill.metadata),
        created_at: Some(encode::time(skill.created_at)),
        updated_at: Some(encode::time(skill.updated_at)),
        vanished_at: encode::optional_time(skill.vanished_at),
    }
}

/// A skill and what a gateway has of it. A card names the address as its source.
pub(crate) fn card(card: &Card) -> wire::SkillCard {
    let wire::Skill {
        id,
        organization_id,
        name,
        description,
        category,
        risk,
        source: _,
        source_url,
        metadata,
        created_at,
        updated_at,
        vanished_at,
    } = skill(&card.skill);
    let install = card.install.as_ref();
    let is_installed = install.is_some_and(|install| install.state.is_installed());
    wire::SkillCard {
        id,
        organization_id,
        name,
        description,
        category,
        risk,
        source: Some(source_url.clone()),
        source_url,
        metadata,
        created_at,
        updated_at,
        installed: is_installed,
        installed_at: install
            .filter(|_| is_installed)
            .and_then(|install| encode::optional_time(install.installed_at)),
        install_state: install_state(install.map(|install| install.state)),
        vanished_at,
        install_error: install.and_then(|install| install.error.clone()),
    }
}

/// How far an installation is; unspecified where there is none.
pub(crate) fn state(state: State) -> wire::SkillInstallState {
    match state {
        State::Requested => wire::SkillInstallState::Requested,
        State::Told => wire::SkillInstallState::Told,
        State::Confirmed => wire::SkillInstallState::Confirmed,
        State::Failed => wire::SkillInstallState::Failed,
        State::Removing => wire::SkillInstallState::Removing,
    }
}

/// Where it was asked for.
pub(crate) fn install_state(state: Option<State>) -> Option<i32> {
    state.map(|known| self::state(known).into())
}

pub(crate) fn sync_state(state: SyncState) -> wire::SkillPackSyncState {
    match state {
        SyncState::Never => wire::SkillPackSyncState::Never,
        SyncState::Running => wire::SkillPackSyncState::Running,
        SyncState::Done => wire::SkillPackSyncState::Done,
        SyncState::Failed => wire::SkillPackSyncState::Failed,
    }
}

pub(crate) fn pack(pack: &Pack) -> wire::SkillPack {
    wire::SkillPack {
        id: pack.id.to_string(),
        organization_id: pack.organization_id.to_string(),
        name: pack.name.clone(),
        description: pack.description.clone(),
        source_url: pack.source_url.clone(),
        branch: pack.branch.clone(),
        metadata: encode::to_struct(&pack.metadata),
        skill_count: i32::try_from(pack.skill_count).unwrap_or(i32::MAX),
        created_at: Some(encode::time(pack.created_at)),
        updated_at: Some(encode::time(pack.updated_at)),
        sync_state: sync_state(pack.sync.state).into(),
        synced_at: encode::optional_time(pack.sync.at),
        sync_error: pack.sync.error.clone(),
        sync_warnings: pack.sync.warnings.clone(),
    }
}

/// What the last sync of a pack came to.
pub(crate) fn synced(pack: &Pack) -> wire::SyncSkillPackResponse {
    let counts = pack.sync.counts;
    wire::SyncSkillPackResponse {
        ok: pack.sync.state == SyncState::Done,
        pack_id: pack.id.to_string(),
        synced: counts.found,
        created: counts.created,
        updated: counts.updated,
        warnings: pack.sync.warnings.clone(),
        sync_state: sync_state(pack.sync.state).into(),
        error: pack.sync.error.clone(),
        vanished: counts.vanished,
    }
}

/// `skill_pack.created`, `.updated`, `.deleted`, `.synced`, `.sync_failed`
pub(crate) fn pack_changed(actor: Actor, of: &Pack, change: Change, at: DateTime<Utc>) -> Event {
    let payload = Payload::SkillPackChanged(event::SkillPackChanged {
        pack: Some(pack(of)),
        change: change.into(),
    });
    bus::event(actor, of.organization_id, at, payload).build()
}

/// `skill.created`, `.updated`, `.deleted`
pub(crate) fn skill_changed(actor: Actor, of: &Skill, change: Change, at: DateTime<Utc>) -> Event {
    let payload = Payload::SkillChanged(event::SkillChanged {
        skill: Some(skill(of)),
        change: change.into(),
    });
    bus::event(actor, of.organization_id, at, payload).build()
}

/// `skill.install_changed`
pub(crate) fn install_changed(
    actor: Actor,
    asked: &Asked,
    to: Option<State>,
    error: Option<String>,
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::SkillInstallChanged(event::SkillInstallChanged {
        skill_id: asked.skill.id.to_string(),
        skill_name: asked.skill.name.clone(),
        gateway_id: asked.install.gateway_id.to_string(),
        state: install_state(to).unwrap_or_default(),
        error,
    });
    bus::event(actor, asked.skill.organization_id, at, payload).build()
}
