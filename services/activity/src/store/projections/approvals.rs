//! Approvals.

use sqlx::PgConnection;

use super::Cause;
use crate::projection::ApprovalState;

pub(super) async fn put(
    conn: &mut PgConnection,
    approval: &ApprovalState,
    cause: Cause,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into approval_state (approval_id, organization_id, board_id, action_type, confidence,
             created_at, task_id, task_title, version, is_pending)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         where not exists (select 1 from board_state where board_id = $3 and deleted_at is not null)
         on conflict (approval_id) do update set
             task_id = excluded.task_id, task_title = excluded.task_title,
             version = excluded.version, is_pending = excluded.is_pending
         where approval_state.version <= excluded.version",
    )
    .bind(approval.id)
    .bind(cause.organization_id)
    .bind(approval.board_id)
    .bind(&approval.action_type)
    .bind(approval.confidence)
    .bind(approval.created_at)
    .bind(approval.task_id)
    .bind(&approval.task_title)
    .bind(approval.version)
    .bind(approval.is_pending)
    .execute(conn)
    .await?;
    Ok(())
}
