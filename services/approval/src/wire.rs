//! Approvals as messages of the contract.

mod payload;
pub(crate) mod policies;
pub(crate) mod request;
pub(crate) mod resolve;

use chassis::{Fault, encode};
use proto::approval::v1::{self as pb, ApprovalChange, ApprovalStatus};
use uuid::Uuid;

use crate::{
    approval::{Approval, State, Status, Vote},
    counts::Counts,
    history::{Change, Entry},
};

impl From<Status> for ApprovalStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Approved => Self::Approved,
            Status::Rejected => Self::Rejected,
            Status::Expired => Self::Expired,
        }
    }
}

impl From<Change> for ApprovalChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Created => Self::Created,
            Change::Voted => Self::Voted,
            Change::Approved => Self::Approved,
            Change::Rejected => Self::Rejected,
            Change::Expired => Self::Expired,
            Change::Reopened => Self::Reopened,
        }
    }
}

pub(crate) fn approval(approval: Approval) -> pb::Approval {
    let status = ApprovalStatus::from(approval.status());
    let (agent_id, user_id) = (approval.agent_id(), approval.user_id());
    let task_ids: Vec<String> = approval.task_ids().map(|id| id.to_string()).collect();
    let (request, terms) = (approval.request, approval.terms);
    let (resolved_at, resolution) = match approval.state {
        State::Pending => (None, None),
        State::Expired { at } => (Some(at), None),
        State::Decided(resolution) => (Some(resolution.at), Some(resolution)),
    };
    pb::Approval {
        id: approval.id.to_string(),
        board_id: approval.board_id.to_string(),
        action_type: request.action_type,
        task_id: task_ids.first().cloned(),
        task_ids,
        task_titles: approval.links.into_iter().map(|link| link.title).collect(),
        agent_id: encode::optional_id(agent_id),
        payload: request.payload.as_ref().and_then(encode::to_struct),
        confidence: request.confidence,
        rubric_scores: request.rubric_scores.into_iter().collect(),
        status: status.into(),
        created_at: Some(encode::time(approval.created_at)),
        resolved_at: encode::optional_time(resolved_at),
        created_by_user_id: encode::optional_id(user_id),
        resolved_by_user_id: encode::optional_id(
            resolution
                .as_ref()
                .and_then(|resolution| resolution.user_id),
        ),
        resolved_by_name: resolution
            .as_ref()
            .map(|resolution| resolution.user_name.clone()),
        note: resolution.and_then(|resolution| resolution.note),
        expires_at: encode::optional_time(terms.expires_at),
        version: approval.version,
        required_approvals: terms.required_approvals,
        approvals: approval.votes.into_iter().map(vote).collect(),
        policy_id: encode::optional_id(terms.policy_id),
        self_approval_forbidden: terms.self_approval_forbidden,
    }
}

fn vote(vote: Vote) -> pb::ApprovalVote {
    pb::ApprovalVote {
        user_id: encode::optional_id(vote.user_id),
        user_name: vote.user_name,
        note: vote.note,
        at: Some(encode::time(vote.at)),
    }
}

pub(crate) fn entry(entry: Entry) -> pb::ApprovalHistoryEntry {
    pb::ApprovalHistoryEntry {
        id: entry.id.to_string(),
        change: ApprovalChange::from(entry.change).into(),
        user_id: encode::optional_id(entry.author.user_id),
        agent_id: encode::optional_id(entry.author.agent_id),
        actor_name: entry.author.name,
        note: entry.note,
        version: entry.version,
        at: Some(encode::time(entry.at)),
    }
}

/// What these tasks have, in their order. Tasks without any approval are left out.
pub(crate) fn task_counts(
    task_ids: impl IntoIterator<Item = Uuid>,
    counts: &Counts,
) -> Vec<pb::TaskApprovalCounts> {
    task_ids
        .into_iter()
        .filter_map(|task_id| {
            let found = counts.tasks.get(&task_id)?;
            Some(pb::TaskApprovalCounts {
                task_id: task_id.to_string(),
                approvals_count: count(found.all),
                approvals_pending_count: count(found.pending),
            })
        })
        .collect()
}

/// A count as the contract carries it.
pub(crate) fn count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The status that a list is limited to.
pub(crate) fn filter(status: Option<i32>) -> Result<Option<Status>, Fault> {
    let Some(number) = status else {
        return Ok(None);
    };
    Ok(match known(number)? {
        ApprovalStatus::Unspecified => None,
        ApprovalStatus::Pending => Some(Status::Pending),
        ApprovalStatus::Approved => Some(Status::Approved),
        ApprovalStatus::Rejected => Some(Status::Rejected),
        ApprovalStatus::Expired => Some(Status::Expired),
    })
}

/// A status that the contract knows.
fn known(number: i32) -> Result<ApprovalStatus, Fault> {
    ApprovalStatus::try_from(number).map_err(|_| {
        Fault::invalid(
            "status",
            "UNKNOWN",
            "pending, approved, rejected or expired",
        )
    })
}
