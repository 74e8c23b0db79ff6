//! Approvals of a board.

use proto::{activity::v1::WatchApprovalsResponse, event::v1::event::Payload};
use uuid::Uuid;

use super::{Kind, Target};
use crate::feed::Item;

pub(super) fn kind(board_id: Uuid) -> Kind<WatchApprovalsResponse> {
    Kind {
        target: Target::Board(board_id),
        types: &[
            "approval.created",
            "approval.resolved",
            "approval.voted",
            "approval.reopened",
            "approval.expired",
            "approval.unlinked",
        ],
        standing: |sequence| WatchApprovalsResponse {
            sequence,
            ..WatchApprovalsResponse::default()
        },
        telling: Box::new(|_, item| telling(item)),
    }
}

fn telling(item: &Item) -> Option<WatchApprovalsResponse> {
    let (approval, pending, counts) = match item.event.payload.as_ref()? {
        Payload::ApprovalCreated(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        Payload::ApprovalResolved(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        Payload::ApprovalVoted(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        Payload::ApprovalReopened(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        Payload::ApprovalExpired(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        Payload::ApprovalUnlinked(p) => (&p.approval, p.pending_approvals_count, &p.task_counts),
        _ => return None,
    };
    Some(WatchApprovalsResponse {
        sequence: item.sequence,
        approval: Some(approval.clone()?),
        pending_approvals_count: Some(pending),
        task_counts: counts.clone(),
    })
}
