//! How often agents mean to wake up, set for many at once.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::agent::Agent;

/// An agent that a new pace was meant for, as it is afterwards.
#[derive(Debug)]
pub(crate) struct Paced {
    pub agent: Agent,
    /// Whether the pace is another than before.
    pub changed: bool,
    /// Whether it was in place and nothing of it was under way.
    pub was_ready: bool,
}

impl FromRow<'_, PgRow> for Paced {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: Agent::from_row(row)?,
            changed: row.try_get("changed")?,
            was_ready: row.try_get("was_ready")?,
        })
    }
}

/// Whose pace is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub organization_id: Uuid,
    pub board_ids: &'a [Uuid],
    pub leads_too: bool,
}

/// Sets the pace of all these agents with one statement. One that was in place is `pending` afterwards if its pace is
/// another; one that goes is answered as it is.
pub(crate) async fn apply(
    conn: &mut PgConnection,
    whose: Whose<'_>,
    every: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Paced>> {
    sqlx::query_as(
        "with before as (
             select *, heartbeat_config || jsonb_build_object('every', $4::text, 'target', 'last') as wanted
             from agent
             where organization_id = $1 and board_id = any($2) and ($3 or not is_board_lead)
             order by id
             for no key update
         ), changed as (
             update agent
             set heartbeat_config = before.wanted,
                 phase = case when agent.phase = 'ready' then 'pending' else agent.phase end,
                 updated_at = $5
             from before
             where before.id = agent.id and before.leaving_at is null and before.heartbeat_config <> before.wanted
             returning agent.*, true as changed, before.phase = 'ready' as was_ready
         ), others as (
             select agent.*, false as changed, false as was_ready
             from agent join before on before.id = agent.id
             where before.leaving_at is not null or before.heartbeat_config = before.wanted
         )
         select * from changed union all select * from others
         order by created_at, id",
    )
    .bind(whose.organization_id)
    .bind(whose.board_ids)
    .bind(whose.leads_too)
    .bind(every)
    .bind(at)
    .fetch_all(conn)
    .await
}

/// Has every job under way of these boards followed by one that tells the new pace: what it told may be out of date already.
pub(crate) async fn repeat_jobs(
    conn: &mut PgConnection,
    whose: Whose<'_>,
    every: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "update job set pace_again = true
         from agent
         where agent.id = job.agent_id and job.finished_at is null
           and agent.organization_id = $1 and agent.board_id = any($2) and ($3 or not agent.is_board_lead)
           and agent.leaving_at is null
           and agent.heartbeat_config <> agent.heartbeat_config
               || jsonb_build_object('every', $4::text, 'target', 'last')",
    )
    .bind(whose.organization_id)
    .bind(whose.board_ids)
    .bind(whose.leads_too)
    .bind(every)
    .execute(conn)
    .await?;
    Ok(())
}
