//! What this service tells the others.

use chassis::caller::system_actor;
use chrono::{DateTime, Utc};
use proto::event::v1::{
    Actor, ApprovalCreated, ApprovalExpired, ApprovalPolicyCreated, ApprovalPolicyDeleted,
    ApprovalPolicyUpdated, ApprovalReopened, ApprovalResolved, ApprovalUnlinked, ApprovalVoted,
    Event, event::Payload,
};
use uuid::Uuid;

use crate::{approval::Approval, counts::Counts, history::Change, policy::Policy, wire};

/// `approval.created`, `approval.voted`, `approval.resolved`, `approval.expired` or `approval.reopened`, with the counts
/// after it.
pub(crate) fn changed(
    actor: Actor,
    approval: &Approval,
    change: Change,
    counts: &Counts,
    at: DateTime<Utc>,
) -> Event {
    let task_counts = wire::task_counts(approval.task_ids(), counts);
    let pending_approvals_count = wire::count(counts.pending);
    let told = Some(wire::approval(approval.clone()));
    let payload = match change {
        Change::Created => Payload::ApprovalCreated(ApprovalCreated {
            approval: told,
            pending_approvals_count,
            task_counts,
        }),
        Change::Voted => Payload::ApprovalVoted(ApprovalVoted {
            approval: told,
            pending_approvals_count,
            task_counts,
        }),
        Change::Approved | Change::Rejected => Payload::ApprovalResolved(ApprovalResolved {
            approval: told,
            pending_approvals_count,
            task_counts,
        }),
        Change::Expired => Payload::ApprovalExpired(ApprovalExpired {
            approval: told,
            pending_approvals_count,
            task_counts,
        }),
        Change::Reopened => Payload::ApprovalReopened(ApprovalReopened {
            approval: told,
            pending_approvals_count,
            task_counts,
        }),
    };
    let task_id = approval.task_ids().next();
    about(actor, approval, task_id, at, payload)
}

/// `approval.unlinked`: a deleted task is no longer one of the approval's.
pub(crate) fn unlinked(
    approval: &Approval,
    task_id: Uuid,
    withdrawn: bool,
    counts: &Counts,
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::ApprovalUnlinked(ApprovalUnlinked {
        approval: Some(wire::approval(approval.clone())),
        pending_approvals_count: wire::count(counts.pending),
        task_counts: wire::task_counts(approval.task_ids(), counts),
        withdrawn,
    });
    about(system_actor(), approval, Some(task_id), at, payload)
}

fn about(
    actor: Actor,
    approval: &Approval,
    task_id: Option<Uuid>,
    at: DateTime<Utc>,
    payload: Payload,
) -> Event {
    let mut draft =
        bus::event(actor, approval.organization_id, at, payload).board(approval.board_id);
    if let Some(task_id) = task_id {
        draft = draft.task(task_id);
    }
    if let Some(agent_id) = approval.agent_id() {
        draft = draft.agent(agent_id);
    }
    draft.build()
}

/// `approval_policy.created`
pub(crate) fn policy_created(actor: Actor, policy: &Policy) -> Event {
    let payload = Payload::ApprovalPolicyCreated(ApprovalPolicyCreated {
        policy: Some(wire::policies::policy(policy.clone())),
    });
    bus::event(actor, policy.organization_id, policy.created_at, payload).build()
}

/// `approval_policy.updated`
pub(crate) fn policy_updated(actor: Actor, policy: &Policy, changed: &[&str]) -> Event {
    let payload = Payload::ApprovalPolicyUpdated(ApprovalPolicyUpdated {
        policy: Some(wire::policies::policy(policy.clone())),
        changed_fields: changed.iter().map(|&field| field.to_owned()).collect(),
    });
    bus::event(actor, policy.organization_id, policy.updated_at, payload).build()
}

/// `approval_policy.deleted`
pub(crate) fn policy_deleted(actor: Actor, policy: &Policy, at: DateTime<Utc>) -> Event {
    let payload = Payload::ApprovalPolicyDeleted(ApprovalPolicyDeleted {
        policy: Some(wire::policies::policy(policy.clone())),
    });
    bus::event(actor, policy.organization_id, at, payload).build()
}
