//! When agents were last heard of.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::agent::Agent;

/// An agent that was heard of, and when it was before.
#[derive(Debug)]
pub(crate) struct Seen {
    pub agent: Agent,
    pub before: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Seen {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: Agent::from_row(row)?,
            before: row.try_get("before_seen_at")?,
        })
    }
}

/// Moves `last_seen_at` forward, never back; answers the agents for which it moved.
pub(crate) async fn record(
    conn: &mut PgConnection,
    ids: &[Uuid],
    at: &[DateTime<Utc>],
) -> sqlx::Result<Vec<Seen>> {
    sqlx::query_as(
        "with seen as (
             select id, max(at) as at from unnest($1::uuid[], $2::timestamptz[]) as call (id, at) group by id
         ), before as (
             select agent.id, agent.last_seen_at, seen.at
             from agent join seen on seen.id = agent.id
             where agent.last_seen_at is null or agent.last_seen_at < seen.at
             order by agent.id
             for no key update of agent
         )
         update agent set last_seen_at = before.at
         from before where before.id = agent.id
         returning agent.*, before.last_seen_at as before_seen_at",
    )
    .bind(ids)
    .bind(at)
    .fetch_all(conn)
    .await
}
