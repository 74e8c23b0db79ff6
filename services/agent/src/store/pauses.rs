//! Boards whose agents are paused, and what waits for them to be resumed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::notice::Kind;

/// Remembers that a board is paused.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    board_id: Uuid,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into paused_board (board_id, organization_id, paused_at) values ($1, $2, $3)
         on conflict on constraint paused_board_pkey do nothing",
    )
    .bind(board_id)
    .bind(organization_id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn delete(conn: &mut PgConnection, board_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from paused_board where board_id = $1")
        .bind(board_id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn delete_of_organization(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("delete from paused_board where organization_id = $1")
        .bind(organization_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Those of the boards that are paused.
pub(crate) async fn list(conn: &mut PgConnection, board_ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select board_id from paused_board where board_id = any($1)")
        .bind(board_ids)
        .fetch_all(conn)
        .await
}

/// Notices about a board that wait on a queue for an attempt, save those that a pause does not concern.
pub(crate) async fn list_open_notices(
    conn: &mut PgConnection,
    board_id: Uuid,
    queue: &str,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select notice.id
         from delivery join notice on notice.id = delivery.id
         where delivery.queue = $2 and delivery.state in ('waiting', 'failed')
           and notice.board_id = $1 and notice.kind <> $3",
    )
    .bind(board_id)
    .bind(queue)
    .bind(Kind::BoardCommand.as_str())
    .fetch_all(conn)
    .await
}

/// Has the jobs of an agent that wait for a board which it left begin with its files again; answers their ids.
pub(crate) async fn take_up_held_jobs(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "update job set step = 'files'
         from delivery
         where job.agent_id = $1 and job.finished_at is null and job.step = 'wake'
           and delivery.id = job.id and delivery.state = 'sent'
         returning job.id",
    )
    .bind(agent_id)
    .fetch_all(conn)
    .await
}

/// Jobs of a board that went as far as they can while it is paused: only waking their agents is left.
pub(crate) async fn list_held_jobs(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select job.id
         from agent
         join job on job.agent_id = agent.id
         join delivery on delivery.id = job.id
         where agent.board_id = $1 and job.finished_at is null and job.step = 'wake' and delivery.state = 'sent'
         order by job.id",
    )
    .bind(board_id)
    .fetch_all(conn)
    .await
}
