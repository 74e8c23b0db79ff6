//! Wake-ups that are due.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::{agent::Agent, waking::Due};

/// Plans one, unless the agent has one already. Whether it did.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    agent_id: Uuid,
    is_first: bool,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "insert into wake (id, agent_id, is_first, created_at) values ($1, $2, $3, $4)
         on conflict on constraint wake_agent_id_key do nothing",
    )
    .bind(id)
    .bind(agent_id)
    .bind(is_first)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

#[derive(FromRow)]
struct Row {
    agent_id: Uuid,
    is_first: bool,
    is_held: bool,
    sent_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Row> for Due {
    fn from(row: Row) -> Self {
        Self {
            agent_id: row.agent_id,
            is_first: row.is_first,
            held_since: row.is_held.then_some(row.created_at),
            sent_at: row.sent_at,
        }
    }
}

/// One that is due.
pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Due>> {
    let row: Option<Row> = sqlx::query_as("select * from wake where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Due::from))
}

/// The same; nobody else changes it before the transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Due>> {
    let row: Option<Row> = sqlx::query_as("select * from wake where id = $1 for update")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Due::from))
}

/// What is due of an agent, unless somebody holds it.
pub(crate) async fn lock_unheld(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from wake where agent_id = $1 for update skip locked")
        .bind(agent_id)
        .fetch_all(conn)
        .await
}

/// Ids of those that are due of these agents.
pub(crate) async fn list_of_agents(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from wake where agent_id = any($1)")
        .bind(agent_ids)
        .fetch_all(conn)
        .await
}

/// Notes when the message of the present attempt sets out, or that it does not.
pub(crate) async fn set_out(
    conn: &mut PgConnection,
    id: Uuid,
    at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query("update wake set sent_at = $2 where id = $1")
        .bind(id)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Has one wait until the agent's board is resumed; it begins to count anew then.
pub(crate) async fn hold(conn: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "update wake set is_held = true, is_first = true, sent_at = null, created_at = $2 where id = $1",
    )
    .bind(id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn delete(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("delete from wake where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Those that wait for a board to be resumed.
pub(crate) async fn list_held(conn: &mut PgConnection, board_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select wake.id
         from agent
         join wake on wake.agent_id = agent.id
         join delivery on delivery.id = wake.id
         where agent.board_id = $1 and wake.is_held and delivery.state = 'sent'
         order by wake.id",
    )
    .bind(board_id)
    .fetch_all(conn)
    .await
}

/// A gateway accepted a message that woke an agent: the agent is waited for, unless it has called since the message set
/// out. One that only repeats counts for nothing when the agent has called meanwhile: `None`.
pub(crate) async fn record(
    conn: &mut PgConnection,
    agent_id: Uuid,
    is_first: bool,
    sent_at: DateTime<Utc>,
    deadline_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as(
        "update agent
         set wake_attempts = case when last_seen_at >= $3 then 0 when $2 then 1 else wake_attempts + 1 end,
             last_wake_sent_at = $3,
             checkin_deadline_at = case when last_seen_at >= $3 then null else $4 end,
             last_error = case when phase = 'ready' then null else last_error end,
             updated_at = $5
         where id = $1 and leaving_at is null and ($2 or checkin_deadline_at is not null)
         returning *",
    )
    .bind(agent_id)
    .bind(is_first)
    .bind(sent_at)
    .bind(deadline_at)
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// Nobody waits for the agent any more, for this reason. The reason why a job fails stays.
pub(crate) async fn end(
    conn: &mut PgConnection,
    agent_id: Uuid,
    attempts: i32,
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as(
        "update agent
         set checkin_deadline_at = null,
             wake_attempts = $2,
             last_error = case when phase = 'ready' then $3 else last_error end,
             updated_at = $4
         where id = $1 and leaving_at is null
         returning *",
    )
    .bind(agent_id)
    .bind(attempts)
    .bind(reason)
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// Shows why an agent that is in place could not be woken yet.
pub(crate) async fn note_error(
    conn: &mut PgConnection,
    agent_id: Uuid,
    error: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update agent set last_error = $2, updated_at = $3
         where id = $1 and phase = 'ready' and leaving_at is null",
    )
    .bind(agent_id)
    .bind(error)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}
