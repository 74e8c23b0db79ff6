//! Boards and groups.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Cause;
use crate::projection::{BoardState, GroupState};

pub(super) async fn put(
    conn: &mut PgConnection,
    board: &BoardState,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into board_state (board_id, organization_id, name, gateway_id, board_group_id, version)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (board_id) do update set
             name = excluded.name, gateway_id = excluded.gateway_id,
             board_group_id = excluded.board_group_id, version = excluded.version
         where board_state.version <= excluded.version and board_state.deleted_at is null",
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

/// Leaves a tombstone; what was on the board is counted no more.
pub(super) async fn delete(conn: &mut PgConnection, id: Uuid, cause: Cause) -> sqlx::Result<()> {
    sqlx::query(
        "update board_state set deleted_at = $2 where board_id = $1 and deleted_at is null",
    )
    .bind(id)
    .bind(cause.at)
    .execute(&mut *conn)
    .await?;
    for statement in [
        "delete from task_stay where board_id = $1",
        "delete from task_cycle where board_id = $1",
        "delete from task_state where board_id = $1",
        "delete from approval_state where board_id = $1",
        "delete from agent_state where board_id = $1",
    ] {
        sqlx::query(statement).bind(id).execute(&mut *conn).await?;
    }
    Ok(())
}

pub(super) async fn put_group(
    conn: &mut PgConnection,
    group: &GroupState,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into group_state (group_id, organization_id, name) values ($1, $2, $3)
         on conflict (group_id) do update set name = excluded.name where group_state.deleted_at is null",
    )
    .bind(group.id)
    .bind(cause.organization_id)
    .bind(&group.name)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn delete_group(
    conn: &mut PgConnection,
    id: Uuid,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "update group_state set deleted_at = $2 where group_id = $1 and deleted_at is null",
    )
    .bind(id)
    .bind(cause.at)
    .execute(conn)
    .await?;
    Ok(())
}
