//! Boards as their owner tells of them.

use anyhow::Context;
use chassis::{BoardScope, encode};
use proto::board::v1 as wire;
use uuid::Uuid;

use crate::workspace::Facts;

/// What rights on a board hang on.
pub(crate) fn scope(board: &wire::Board) -> anyhow::Result<BoardScope> {
    let gateway_id = board.gateway_id.as_deref().map(Uuid::try_parse).transpose();
    Ok(BoardScope {
        organization_id: Uuid::try_parse(&board.organization_id)
            .context("organization of a board")?,
        board_id: Uuid::try_parse(&board.id).context("id of a board")?,
        gateway_id: gateway_id.context("gateway of a board")?,
    })
}

/// What an agent's files say about its board.
pub(crate) fn facts(board: &wire::Board) -> anyhow::Result<Facts> {
    Ok(Facts {
        id: Uuid::try_parse(&board.id).context("id of a board")?,
        name: board.name.clone(),
        description: board.description.clone(),
        is_goal: board.board_type() == wire::BoardType::Goal,
        objective: board.objective.clone(),
        success_metrics: board.success_metrics.as_ref().map(encode::from_struct),
        target_date: chassis::decode::time("target_date", board.target_date.as_ref())?,
        require_approval_for_done: board.require_approval_for_done,
        require_review_before_done: board.require_review_before_done,
        comment_required_for_review: board.comment_required_for_review,
        block_status_changes_with_pending_approval: board
            .block_status_changes_with_pending_approval,
        only_lead_can_change_status: board.only_lead_can_change_status,
        max_agents: board.max_agents,
    })
}
