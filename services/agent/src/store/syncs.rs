//! Template syncs.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::unknown_word;
use crate::{
    agent::Agent,
    phase::Change,
    sync::{Entry, State, Sync},
};

impl FromRow<'_, PgRow> for Sync {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            gateway_id: row.try_get("gateway_id")?,
            organization_id: row.try_get("organization_id")?,
            include_main: row.try_get("include_main")?,
            reset_sessions: row.try_get("reset_sessions")?,
            created_at: row.try_get("created_at")?,
            deadline_at: row.try_get("deadline_at")?,
            finished_at: row.try_get("finished_at")?,
        })
    }
}

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let state: &str = row.try_get("state")?;
        Ok(Self {
            agent_id: row.try_get("agent_id")?,
            agent_name: row.try_get("agent_name")?,
            board_id: row.try_get("board_id")?,
            state: State::parse(state).ok_or_else(|| unknown_word("state", state))?,
            message: row.try_get("message")?,
        })
    }
}

/// Inserts a sync with what is known of its agents.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    sync: &Sync,
    entries: &[Entry],
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into template_sync (
             id, gateway_id, organization_id, include_main, reset_sessions, created_at, deadline_at, finished_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(sync.id)
    .bind(sync.gateway_id)
    .bind(sync.organization_id)
    .bind(sync.include_main)
    .bind(sync.reset_sessions)
    .bind(sync.created_at)
    .bind(sync.deadline_at)
    .bind(sync.finished_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into template_sync_agent (sync_id, agent_id, agent_name, board_id, state, message, position)
         select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[]) with ordinality",
    )
    .bind(sync.id)
    .bind(entries.iter().map(|entry| entry.agent_id).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.agent_name.as_str()).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.board_id).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.state.as_str()).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.message.as_deref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Sync>> {
    sqlx::query_as("select * from template_sync where id = $1 and gateway_id = $2")
        .bind(id)
        .bind(gateway_id)
        .fetch_optional(conn)
        .await
}

/// The sync of a gateway that is under way.
pub(crate) async fn find_unfinished(
    conn: &mut PgConnection,
    gateway_id: Uuid,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar("select id from template_sync where gateway_id = $1 and finished_at is null")
        .bind(gateway_id)
        .fetch_optional(conn)
        .await
}

/// A sync that is under way: nobody else settles an agent of it before the transaction ends.
pub(crate) async fn lock_unfinished(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Sync>> {
    sqlx::query_as(
        "select * from template_sync where id = $1 and finished_at is null for no key update",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// What is known of the agents of a sync, in their order.
pub(crate) async fn list_entries(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as("select * from template_sync_agent where sync_id = $1 order by position")
        .bind(id)
        .fetch_all(conn)
        .await
}

/// Says what became of an agent of which nothing was said yet.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    id: Uuid,
    agent_id: Uuid,
    state: State,
    message: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update template_sync_agent set state = $3, message = $4
         where sync_id = $1 and agent_id = $2 and state = 'pending'",
    )
    .bind(id)
    .bind(agent_id)
    .bind(state.as_str())
    .bind(message)
    .execute(conn)
    .await?;
    Ok(())
}

/// Skips agents of which no job is left that would write their files, or all that are pending when it is too late.
pub(crate) async fn settle_strays(
    conn: &mut PgConnection,
    id: Uuid,
    is_late: bool,
) -> sqlx::Result<()> {
    sqlx::query(
        "update template_sync_agent as entry
         set state = 'skipped',
             message = case
                 when $2 then 'its job did not come to an end in time'
                 when exists (select from agent where agent.id = entry.agent_id and agent.leaving_at is null)
                     then 'its job ended before its files were written'
                 else 'it was deleted meanwhile'
             end
         where sync_id = $1 and state = 'pending'
           and ($2 or not exists (
               select from job
               where job.agent_id = entry.agent_id and job.finished_at is null
                 and (job.sync_id = $1 or (job.again_wish ->> 'sync_id')::uuid = $1)
           ))",
    )
    .bind(id)
    .bind(is_late)
    .execute(conn)
    .await?;
    Ok(())
}

/// Finishes a sync of which no agent is pending; whether it did.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update template_sync set finished_at = $2
         where id = $1 and finished_at is null
           and not exists (select from template_sync_agent where sync_id = $1 and state = 'pending')",
    )
    .bind(id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn list_unfinished(
    conn: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from template_sync where finished_at is null order by created_at, id limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Forgets the oldest syncs that began before a moment.
pub(crate) async fn delete_finished(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "delete from template_sync where id in (
             select id from template_sync
             where created_at < $1 and finished_at is not null
             order by created_at limit $2
         )",
    )
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes those of the agents `pending` that are in place; answers them.
pub(crate) async fn refresh(
    conn: &mut PgConnection,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Agent>> {
    let change = Change::Refresh;
    let from: Vec<&str> = change.from().iter().map(|phase| phase.as_str()).collect();
    sqlx::query_as(
        "with stale as (
             select id from agent
             where id = any($1) and phase = any($2) and leaving_at is null
             order by id
             for no key update
         )
         update agent set phase = $3, updated_at = $4
         from stale where stale.id = agent.id
         returning agent.*",
    )
    .bind(ids)
    .bind(from)
    .bind(change.to().as_str())
    .bind(at)
    .fetch_all(conn)
    .await
}
