//! When agents were last heard of.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::agent::Agent;

/// An agent that was heard of, and how it was before.
#[derive(Debug)]
pub(crate) struct Seen {
    pub agent: Agent,
    pub before: Option<DateTime<Utc>>,
    /// Whether it had been woken and not called since.
    pub was_woken: bool,
}

impl FromRow<'_, PgRow> for Seen {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: Agent::from_row(row)?,
            before: row.try_get("before_seen_at")?,
            was_woken: row.try_get("was_woken")?,
        })
    }
}

/// Moves `last_seen_at` forward, never back; answers the agents for which it moved. With the same statement a call at or
/// after the last wake-up ends the waiting for it, and with it whatever was said of an agent that is in place.
pub(crate) async fn record(
    conn: &mut PgConnection,
    ids: &[Uuid],
    at: &[DateTime<Utc>],
) -> sqlx::Result<Vec<Seen>> {
    sqlx::query_as(
        "with seen as (
             select id, max(at) as at from unnest($1::uuid[], $2::timestamptz[]) as call (id, at) group by id
         ), before as (
             select agent.id, agent.last_seen_at, seen.at,
                    agent.wake_attempts > 0 and seen.at >= agent.last_wake_sent_at as was_woken,
                    agent.last_wake_sent_at is null or seen.at >= agent.last_wake_sent_at as answers
             from agent join seen on seen.id = agent.id
             where agent.last_seen_at is null or agent.last_seen_at < seen.at
                or agent.wake_attempts > 0 and seen.at >= agent.last_wake_sent_at
             order by agent.id
             for no key update of agent
         )
         update agent
         set last_seen_at = greatest(agent.last_seen_at, before.at),
             wake_attempts = case when before.answers then 0 else agent.wake_attempts end,
             checkin_deadline_at = case when before.answers then null else agent.checkin_deadline_at end,
             last_error = case when before.answers and agent.phase = 'ready' then null else agent.last_error end
         from before where before.id = agent.id
         returning agent.*, before.last_seen_at as before_seen_at, coalesce(before.was_woken, false) as was_woken",
    )
    .bind(ids)
    .bind(at)
    .fetch_all(conn)
    .await
}
