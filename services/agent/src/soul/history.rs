//! What an agent was given for a soul, one after the other.

use chrono::{DateTime, Utc};
use proto::event::v1::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Revision, digest};
use crate::{agent::Agent, store};

/// Where a soul comes from, and why it is given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin<'a> {
    pub source_url: Option<&'a str>,
    pub reason: Option<&'a str>,
}

/// Writes the soul that an agent has now into its history; `None` when nobody gave it one.
pub(crate) async fn add(
    conn: &mut PgConnection,
    agent: &Agent,
    author: &Actor,
    origin: Origin<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Revision>> {
    let Some(content) = &agent.soul_template else {
        return Ok(None);
    };
    let revision = Revision {
        id: Uuid::now_v7(),
        agent_id: agent.id,
        content: content.clone(),
        content_sha256: digest(content),
        source_url: origin.source_url.map(str::to_owned),
        reason: origin.reason.map(str::to_owned),
        author_name: author.name.clone(),
        created_at: now,
    };
    store::souls::insert(conn, &revision).await?;
    Ok(Some(revision))
}
