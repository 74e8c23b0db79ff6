//! Souls in the words of the contract, and what is told about them.

use chassis::encode;
use chrono::{DateTime, Utc};
use proto::{
    agent::v1 as wire,
    event::v1::{self as event, Actor, Event, event::Payload},
};

use crate::{
    agent::Agent,
    soul::{Revision, directory::Directory, sitemap::Ref},
};

pub(crate) fn revision(revision: &Revision) -> wire::SoulRevision {
    wire::SoulRevision {
        id: revision.id.to_string(),
        agent_id: revision.agent_id.to_string(),
        content: revision.content.clone(),
        content_sha256: revision.content_sha256.clone(),
        source_url: revision.source_url.clone(),
        reason: revision.reason.clone(),
        author_name: revision.author_name.clone(),
        created_at: Some(encode::time(revision.created_at)),
    }
}

pub(crate) fn reference(directory: &Directory, soul: &Ref) -> wire::SoulRef {
    wire::SoulRef {
        handle: soul.handle.clone(),
        slug: soul.slug.clone(),
        page_url: directory.page_url(soul),
        raw_md_url: directory.raw_url(soul),
    }
}

/// `agent.soul.updated`
pub(crate) fn updated(actor: Actor, agent: &Agent, of: &Revision, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentSoulUpdated(event::AgentSoulUpdated {
        agent: Some(super::agent(agent, at)),
        revision_id: of.id.to_string(),
        reason: of.reason.clone(),
        source_url: of.source_url.clone(),
    });
    let draft = bus::event(actor, agent.organization_id, at, payload).agent(agent.id);
    match agent.board_id {
        Some(board_id) => draft.board(board_id).build(),
        None => draft.build(),
    }
}
