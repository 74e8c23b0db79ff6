//! Agents of the organization.

use proto::{activity::v1::WatchAgentsResponse, event::v1::event::Payload};
use uuid::Uuid;

use super::{Kind, Target};
use crate::{feed::Item, subject};

pub(super) fn kind(board_id: Option<Uuid>) -> Kind<WatchAgentsResponse> {
    let wanted = board_id.map(|id| id.to_string());
    Kind {
        target: Target::Agents(board_id),
        types: &[
            "agent.created",
            "agent.updated",
            "agent.provisioned",
            "agent.provision_failed",
            "agent.checked_in",
            "agent.wakeup.sent",
            "agent.silent",
            "agent.offline",
            "agent.soul.updated",
            "agent.retiring",
            "agent.unlinked",
            "agent.deleted",
        ],
        standing: |sequence| WatchAgentsResponse {
            sequence,
            ..WatchAgentsResponse::default()
        },
        telling: Box::new(move |_, item| telling(item, wanted.as_deref())),
    }
}

/// What of an event is for whoever looks at one board, or at all of them.
fn telling(item: &Item, wanted: Option<&str>) -> Option<WatchAgentsResponse> {
    let mut payload = item.event.payload.clone()?;
    let agent = subject::agent(&mut payload)?.clone();
    let is_there = wanted.is_none() || agent.board_id.as_deref() == wanted;
    let was_there = wanted.is_some() && left(&payload) == wanted;
    let gone = matches!(
        payload,
        Payload::AgentDeleted(_) | Payload::AgentUnlinked(_)
    );
    (is_there || was_there).then_some(WatchAgentsResponse {
        sequence: item.sequence,
        agent: Some(agent),
        deleted: gone || !is_there,
    })
}

/// The board that an agent left with the event.
fn left(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::AgentUpdated(p) => p.from_board_id.as_deref(),
        _ => None,
    }
}
