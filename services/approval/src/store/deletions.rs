//! What has to go because something else went.
//!
//! A request that began before a deletion may still write after it. Tombstones stop those that come late: they are kept
//! for longer than any request lasts, and whoever asks for an approval looks at them while it holds the lock of the
//! board. What concerns whole organizations and people holds no such lock: it is deleted again for as long.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    Board,
    Organization,
    User,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Board => "board",
            Self::Organization => "organization",
            Self::User => "user",
        }
    }
}

/// Remembers that something is gone.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    kind: Kind,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query("insert into tombstone (id, kind, at) values ($1, $2, $3) on conflict do nothing")
        .bind(id)
        .bind(kind.as_str())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Which of these are gone.
pub(crate) async fn gone(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let gone = sqlx::query_scalar("select id from tombstone where id = any($1)")
        .bind(ids)
        .fetch_all(conn)
        .await?;
    Ok(gone)
}

/// Everything of a kind that is gone and remembered.
pub(crate) async fn list(conn: &mut PgConnection, kind: Kind) -> Result<Vec<Uuid>> {
    let gone = sqlx::query_scalar("select id from tombstone where kind = $1")
        .bind(kind.as_str())
        .fetch_all(conn)
        .await?;
    Ok(gone)
}

/// Forgets what has been gone since before a moment.
pub(crate) async fn prune(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<()> {
    sqlx::query("delete from tombstone where at < $1")
        .bind(before)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes every approval of a board with all that hangs on it.
pub(crate) async fn board(conn: &mut PgConnection, board_id: Uuid) -> Result<()> {
    sqlx::query("delete from approval where board_id = $1")
        .bind(board_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes everything of organizations.
pub(crate) async fn organizations(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("delete from approval where organization_id = any($1)")
        .bind(ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from approval_policy where organization_id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the ids of people; their names stay in what they did. An approval that named one has another version.
pub(crate) async fn people(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("update approval_history set user_id = null where user_id = any($1)")
        .bind(ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "with vote as (
             update approval_vote set user_id = null where user_id = any($1) returning approval_id
         )
         update approval
         set created_by_user_id = case when created_by_user_id = any($1) then null else created_by_user_id end,
             resolved_by_user_id = case when resolved_by_user_id = any($1) then null else resolved_by_user_id end,
             version = version + 1
         where created_by_user_id = any($1) or resolved_by_user_id = any($1)
            or id in (select approval_id from vote)",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes those of these approvals that are pending and have no task left; which they were.
pub(crate) async fn withdraw(conn: &mut PgConnection, approval_ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let withdrawn = sqlx::query_scalar(
        "delete from approval a
         where a.id = any($1) and a.status = 'pending'
           and not exists (select 1 from approval_task where approval_id = a.id)
         returning a.id",
    )
    .bind(approval_ids)
    .fetch_all(conn)
    .await?;
    Ok(withdrawn)
}
