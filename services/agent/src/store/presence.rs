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
    /// Whether it had been woken and not called since, or was told to be offline.
    pub was_missed: bool,
}

impl FromRow<'_, PgRow> for Seen {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: Agent::from_row(row)?,
            before: row.try_get("before_seen_at")?,
            was_missed: row.try_get("was_missed")?,
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
                    agent.offline_since is not null
                        or agent.wake_attempts > 0 and seen.at >= agent.last_wake_sent_at as was_missed,
                    agent.last_wake_sent_at is null or seen.at >= agent.last_wake_sent_at as answers
             from agent join seen on seen.id = agent.id
             where agent.last_seen_at is null or agent.last_seen_at < seen.at
                or agent.wake_attempts > 0 and seen.at >= agent.last_wake_sent_at
             order by agent.id
             for no key update of agent
         )
         update agent
         set last_seen_at = greatest(agent.last_seen_at, before.at),
             offline_since = null,
             wake_attempts = case when before.answers then 0 else agent.wake_attempts end,
             checkin_deadline_at = case when before.answers then null else agent.checkin_deadline_at end,
             last_error = case when before.answers and agent.phase = 'ready' then null else agent.last_error end
         from before where before.id = agent.id
         returning agent.*, before.last_seen_at as before_seen_at, coalesce(before.was_missed, false) as was_missed",
    )
    .bind(ids)
    .bind(at)
    .fetch_all(conn)
    .await
}

/// Agents in place that nobody waits for, that called before a moment and not since, and that are not known to be offline:
/// up to `limit` after one of them, by id.
pub(crate) async fn list_silent(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent
         where phase = 'ready' and wake_attempts = 0 and checkin_deadline_at is null and offline_since is null
           and last_seen_at < $1 and ($2::uuid is null or id > $2)
         order by id
         limit $3",
    )
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Records that agents are offline that have not called since they were last seen at these moments; answers those that became
/// so.
pub(crate) async fn mark_offline(
    conn: &mut PgConnection,
    ids: &[Uuid],
    seen_at: &[DateTime<Utc>],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "with silent as (
             select agent.id
             from agent join unnest($1::uuid[], $2::timestamptz[]) as seen (id, at)
                 on seen.id = agent.id and seen.at = agent.last_seen_at
             where agent.phase = 'ready' and agent.wake_attempts = 0 and agent.checkin_deadline_at is null
               and agent.offline_since is null
             order by agent.id
             for no key update of agent
         )
         update agent set offline_since = $3
         from silent where silent.id = agent.id
         returning agent.*",
    )
    .bind(ids)
    .bind(seen_at)
    .bind(now)
    .fetch_all(conn)
    .await
}
