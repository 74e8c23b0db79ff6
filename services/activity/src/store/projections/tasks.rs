//! Tasks: where each is, how long it was where, and its cycles.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Cause;
use crate::projection::TaskState;

pub(super) async fn put(
    conn: &mut PgConnection,
    task: &TaskState,
    cause: Cause,
) -> sqlx::Result<()> {
    if put_state(conn, task, cause).await? {
        put_stay(conn, task, cause).await?;
    }
    put_cycle(conn, task, cause).await
}

/// Leaves a tombstone. What the task was counted in while it was there stays.
pub(super) async fn delete(
    conn: &mut PgConnection,
    task: &TaskState,
    cause: Cause,
) -> sqlx::Result<()> {
    put_state(conn, task, cause).await?;
    end(conn, task.id, cause).await
}

/// Whether the event is news: one that stepped aside on the bus may come after its successor.
async fn put_state(conn: &mut PgConnection, task: &TaskState, cause: Cause) -> sqlx::Result<bool> {
    let put = sqlx::query(
        "insert into task_state (task_id, organization_id, board_id, title, status, created_at, updated_at, version)
         select $1, $2, $3, $4, $5, $6, $7, $8
         where not exists (select 1 from board_state where board_id = $3 and deleted_at is not null)
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
         select $1, $2, $3, $4, $5, $6
         where not exists (select 1 from board_state where board_id = $4 and deleted_at is not null)
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

async fn end(conn: &mut PgConnection, id: Uuid, cause: Cause) -> sqlx::Result<()> {
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
