//! What this service tells the others.

use chrono::{DateTime, Utc};
use proto::event::v1::{Actor, ApprovalCreated, ApprovalResolved, Event, event::Payload};

use crate::{approval::Approval, wire};

/// `approval.created`
pub(crate) fn created(actor: Actor, approval: &Approval) -> Event {
    let payload = Payload::ApprovalCreated(ApprovalCreated {
        approval: Some(wire::approval(approval.clone())),
        ..ApprovalCreated::default()
    });
    about(actor, approval, approval.created_at, payload)
}

/// `approval.resolved`
pub(crate) fn resolved(actor: Actor, approval: &Approval, at: DateTime<Utc>) -> Event {
    let payload = Payload::ApprovalResolved(ApprovalResolved {
        approval: Some(wire::approval(approval.clone())),
        ..ApprovalResolved::default()
    });
    about(actor, approval, at, payload)
}

fn about(actor: Actor, approval: &Approval, at: DateTime<Utc>, payload: Payload) -> Event {
    let mut draft =
        bus::event(actor, approval.organization_id, at, payload).board(approval.board_id);
    if let Some(link) = approval.links.first() {
        draft = draft.task(link.task_id);
    }
    if let Some(agent_id) = approval.agent_id() {
        draft = draft.agent(agent_id);
    }
    draft.build()
}
