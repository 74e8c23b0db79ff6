//! Agents.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Cause;
use crate::projection::AgentState;

/// An agent did something: it was seen.
pub(crate) async fn see(conn: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "update agent_state set last_seen_at = $2
         where agent_id = $1 and (last_seen_at is null or last_seen_at < $2)",
    )
    .bind(id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn put(
    conn: &mut PgConnection,
    agent: &AgentState,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into agent_state (agent_id, organization_id, board_id, status, last_seen_at, name, role)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (agent_id) do update set
             board_id = excluded.board_id, status = excluded.status,
             last_seen_at = greatest(agent_state.last_seen_at, excluded.last_seen_at),
             name = excluded.name, role = excluded.role
         where agent_state.deleted_at is null",
    )
    .bind(agent.id)
    .bind(cause.organization_id)
    .bind(agent.board_id)
    .bind(agent.status)
    .bind(agent.last_seen_at)
    .bind(&agent.name)
    .bind(&agent.role)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaves a tombstone, which keeps the name for what the agent wrote.
pub(super) async fn delete(conn: &mut PgConnection, id: Uuid, cause: Cause) -> sqlx::Result<()> {
    sqlx::query(
        "update agent_state set deleted_at = $2, role = null where agent_id = $1 and deleted_at is null",
    )
    .bind(id)
    .bind(cause.at)
    .execute(conn)
    .await?;
    Ok(())
}
