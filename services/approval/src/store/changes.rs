//! What becomes of an approval, as conditional updates. Each counts the version up.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::{Approval, Resolution, Vote},
    error::Result,
};

/// Counts one person's approval of the present round. A second one of the same person breaks `approval_vote_once_key`.
pub(crate) async fn insert_vote(
    conn: &mut PgConnection,
    approval: &Approval,
    vote: &Vote,
) -> Result<()> {
    sqlx::query(
        "insert into approval_vote (id, approval_id, round, user_id, user_name, note, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(Uuid::now_v7())
    .bind(approval.id)
    .bind(approval.round)
    .bind(vote.user_id)
    .bind(&vote.user_name)
    .bind(&vote.note)
    .bind(vote.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts the version of approvals up, and nothing else.
pub(crate) async fn touch(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("update approval set version = version + 1 where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Decides an approval that is still pending; whether it was.
pub(crate) async fn resolve(
    conn: &mut PgConnection,
    id: Uuid,
    resolution: &Resolution,
) -> Result<bool> {
    let done = sqlx::query(
        "update approval
         set status = $2, resolved_by_user_id = $3, resolved_by_name = $4, note = $5, resolved_at = $6,
             version = version + 1
         where id = $1 and status = 'pending'",
    )
    .bind(id)
    .bind(crate::approval::Status::from(resolution.decision).as_str())
    .bind(resolution.user_id)
    .bind(&resolution.user_name)
    .bind(&resolution.note)
    .bind(resolution.at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Opens an approval that is not pending: what was decided is taken back, and votes of earlier rounds no longer count.
pub(crate) async fn reopen(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<bool> {
    let done = sqlx::query(
        "update approval
         set status = 'pending', resolved_by_user_id = null, resolved_by_name = null, note = null, resolved_at = null,
             round = round + 1, opened_at = $2, expires_at = $3, version = version + 1
         where id = $1 and status <> 'pending'",
    )
    .bind(id)
    .bind(at)
    .bind(expires_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets approvals of a board expire that are pending and due at this moment; which they were.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    board_id: Uuid,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let expired = sqlx::query_scalar(
        "update approval set status = 'expired', resolved_at = $3, version = version + 1
         where id = any($1) and board_id = $2 and status = 'pending' and expires_at <= $3
         returning id",
    )
    .bind(ids)
    .bind(board_id)
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(expired)
}
