//! State that figures are drawn from, kept in the transaction that appends the event.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::projection::{AgentState, BoardState, Change, Pending, TaskState};

/// The event that changes something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) sequence: i64,
    pub(crate) organization_id: Uuid,
    pub(crate) at: DateTime<Utc>,
}

/// Applies a change.
pub(crate) async fn apply(
    conn: &mut PgConnection,
    change: &Change,
    cause: Cause,
) -> sqlx::Result<()> {
    match change {
        Change::Board(board) => put_board(conn, board, cause).await,
        Change::Task(task) => {
            if put_task(conn, task, cause).await? {
                put_stay(conn, task, cause).await?;
            }
            put_cycle(conn, task, cause).await
        }
        Change::TaskDeleted(task) => {
            put_task(conn, task, cause).await?;
            delete_task(conn, task.id, cause).await
        }
        Change::Agent(agent) => put_agent(conn, agent, cause).await,
        Change::Asked(approval) => put_pending(conn, approval, cause).await,
        Change::Decided(id) => delete_pending(conn, *id).await,
    }
}

/// An agent did something: it was seen.
pub(crate) async fn see_agent(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
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

async fn put_board(conn: &mut PgConnection, board: &BoardState, cause: Cause) -> sqlx::Result<()> {
    sqlx::query(
        "insert into board_state (board_id, organization_id, name, gateway_id, board_group_id, version)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (board_id) do update set
             name = excluded.name, gateway_id = excluded.gateway_id,
             board_group_id = excluded.board_group_id, version = excluded.version
         where board_state.version <= excluded.version",
    )
    .bind(board.id)
    .bind(cause.organization_id)
    .bind(&board.name)
    .bind(board.gateway_id)
    .bind(board.board_group_id)
    .bind(board.version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the event is news: one that stepped aside on the bus may come after its successor.
async fn put_task(conn: &mut PgConnection, task: &TaskState, cause: Cause) -> sqlx::Result<bool> {
    let put = sqlx::query(
        "insert into task_state (task_id, organization_id, board_id, title, status, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (task_id) do update set
             title = excluded.title, status = excluded.status,
             updated_at = excluded.updated_at, version = excluded.version
         where task_state.version <= excluded.version and task_state.deleted_at is null",
    )
    .bind(task.id)
    .bind(cause.organization_id)
    .bind(task.board_id)
    .bind(&task.title)
    .bind(task.status)
    .bind(task.created_at)
    .bind(task.updated_at)
    .bind(task.version)
    .execute(conn)
    .await?;
    Ok(put.rows_affected() > 0)
}

/// Ends the open stay when the status differs, and begins one when none is open.
async fn put_stay(conn: &mut PgConnection, task: &TaskState, cause: Cause) -> sqlx::Result<()> {
    sqlx::query(
        "update task_stay set left_at = $2 where task_id = $1 and left_at is null and status <> $3",
    )
    .bind(task.id)
    .bind(cause.at)
    .bind(task.status)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into task_stay (task_id, sequence, organization_id, board_id, status, entered_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (task_id) where left_at is null do nothing",
    )
    .bind(task.id)
    .bind(cause.sequence)
    .bind(cause.organization_id)
    .bind(task.board_id)
    .bind(task.status)
    .bind(cause.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers when work on the cycle began and when it was completed: the first moment of each counts.
async fn put_cycle(conn: &mut PgConnection, task: &TaskState, cause: Cause) -> sqlx::Result<()> {
    if task.started_at.is_none() && task.done_at.is_none() {
        return Ok(());
    }
    sqlx::query(
        "insert into task_cycle (task_id, cycle, organization_id, board_id, started_at, done_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (task_id, cycle) do update set
             started_at = least(task_cycle.started_at, excluded.started_at),
             done_at = coalesce(task_cycle.done_at, excluded.done_at)
         where task_cycle.done_at is null",
    )
    .bind(task.id)
    .bind(task.cycle)
    .bind(cause.organization_id)
    .bind(task.board_id)
    .bind(task.started_at)
    .bind(task.done_at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn delete_task(conn: &mut PgConnection, id: Uuid, cause: Cause) -> sqlx::Result<()> {
    sqlx::query("update task_state set deleted_at = $2 where task_id = $1 and deleted_at is null")
        .bind(id)
        .bind(cause.at)
        .execute(&mut *conn)
        .await?;
    sqlx::query("update task_stay set left_at = $2 where task_id = $1 and left_at is null")
        .bind(id)
        .bind(cause.at)
        .execute(conn)
        .await?;
    Ok(())
}

async fn put_agent(conn: &mut PgConnection, agent: &AgentState, cause: Cause) -> sqlx::Result<()> {
    sqlx::query(
        "insert into agent_state (agent_id, organization_id, board_id, status, last_seen_at)
         values ($1, $2, $3, $4, $5)
         on conflict (agent_id) do update set
             board_id = excluded.board_id, status = excluded.status,
             last_seen_at = greatest(agent_state.last_seen_at, excluded.last_seen_at)",
    )
    .bind(agent.id)
    .bind(cause.organization_id)
    .bind(agent.board_id)
    .bind(agent.status)
    .bind(agent.last_seen_at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_pending(
    conn: &mut PgConnection,
    approval: &Pending,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into pending_approval (approval_id, organization_id, board_id, action_type, confidence,
             created_at, task_id, task_title)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (approval_id) do nothing",
    )
    .bind(approval.id)
    .bind(cause.organization_id)
    .bind(approval.board_id)
    .bind(&approval.action_type)
    .bind(approval.confidence)
    .bind(approval.created_at)
    .bind(approval.task_id)
    .bind(&approval.task_title)
    .execute(conn)
    .await?;
    Ok(())
}

async fn delete_pending(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from pending_approval where approval_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}
