//! Writing boards.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::board::{Board, Pause};

/// Writes a new board, which is not paused.
pub(crate) async fn insert(conn: &mut PgConnection, board: &Board) -> sqlx::Result<()> {
    let (content, governance) = (&board.content, &board.governance);
    sqlx::query(
        "insert into board (
             id, organization_id, name, slug, description, gateway_id, board_group_id, board_type, objective,
             success_metrics, target_date, goal_confirmed, goal_source, require_approval_for_done,
             require_review_before_done, comment_required_for_review, block_status_changes_with_pending_approval,
             only_lead_can_change_status, max_agents, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
    )
    .bind(board.id)
    .bind(board.organization_id)
    .bind(&content.name)
    .bind(&content.slug)
    .bind(&content.description)
    .bind(governance.gateway_id)
    .bind(governance.board_group_id)
    .bind(content.kind.as_str())
    .bind(&content.objective)
    .bind(&content.success_metrics)
    .bind(content.target_date)
    .bind(content.goal_confirmed)
    .bind(&content.goal_source)
    .bind(governance.rules.require_approval_for_done)
    .bind(governance.rules.require_review_before_done)
    .bind(governance.rules.comment_required_for_review)
    .bind(governance.rules.block_status_changes_with_pending_approval)
    .bind(governance.rules.only_lead_can_change_status)
    .bind(governance.max_agents)
    .bind(board.created_at)
    .bind(board.updated_at)
    .bind(board.version)
    .execute(conn)
    .await
    .map(drop)
}

/// Writes a board that is held.
pub(crate) async fn update(conn: &mut PgConnection, board: &Board) -> sqlx::Result<()> {
    let (content, governance) = (&board.content, &board.governance);
    sqlx::query(
        "update board
            set name = $2, slug = $3, description = $4, gateway_id = $5, board_group_id = $6, board_type = $7,
                objective = $8, success_metrics = $9, target_date = $10, goal_confirmed = $11, goal_source = $12,
                require_approval_for_done = $13, require_review_before_done = $14,
                comment_required_for_review = $15, block_status_changes_with_pending_approval = $16,
                only_lead_can_change_status = $17, max_agents = $18, updated_at = $19, version = $20
          where id = $1",
    )
    .bind(board.id)
    .bind(&content.name)
    .bind(&content.slug)
    .bind(&content.description)
    .bind(governance.gateway_id)
    .bind(governance.board_group_id)
    .bind(content.kind.as_str())
    .bind(&content.objective)
    .bind(&content.success_metrics)
    .bind(content.target_date)
    .bind(content.goal_confirmed)
    .bind(&content.goal_source)
    .bind(governance.rules.require_approval_for_done)
    .bind(governance.rules.require_review_before_done)
    .bind(governance.rules.comment_required_for_review)
    .bind(governance.rules.block_status_changes_with_pending_approval)
    .bind(governance.rules.only_lead_can_change_status)
    .bind(governance.max_agents)
    .bind(board.updated_at)
    .bind(board.version)
    .execute(conn)
    .await
    .map(drop)
}

/// Pauses a board, or with no pause resumes it. Answers whether that changed anything.
pub(crate) async fn set_paused(
    conn: &mut PgConnection,
    id: Uuid,
    pause: Option<&Pause>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let by = pause.map(|pause| &pause.by);
    let done = sqlx::query(
        "update board
            set paused_at = $2, paused_by_kind = $3, paused_by_id = $4, paused_by_name = $5, updated_at = $6,
                version = version + 1
          where id = $1 and (paused_at is null) <> ($2::timestamptz is null)",
    )
    .bind(id)
    .bind(pause.map(|pause| pause.at))
    .bind(by.map(|by| by.kind.as_str()))
    .bind(by.and_then(|by| by.id))
    .bind(by.map(|by| by.name.as_str()))
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a board that is held, and with it everything on it.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from board where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
}
