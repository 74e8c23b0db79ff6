//! Agents of the organization.

use proto::{activity::v1::WatchAgentsResponse, event::v1::event::Payload};
use uuid::Uuid;

use super::{Kind, Target};
use crate::feed::Item;

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
            "agent.deleted",
        ],
        standing: |sequence| WatchAgentsResponse {
            sequence,
            ..WatchAgentsResponse::default()
        },
        telling: Box::new(move |_, item| {
            let told = telling(item)?;
            let of_board = wanted.is_none()
                || told
                    .agent
                    .as_ref()
                    .is_some_and(|agent| agent.board_id == wanted);
            of_board.then_some(told)
        }),
    }
}

fn telling(item: &Item) -> Option<WatchAgentsResponse> {
    let (agent, deleted) = match item.event.payload.as_ref()? {
        Payload::AgentCreated(p) => (&p.agent, false),
        Payload::AgentUpdated(p) => (&p.agent, false),
        Payload::AgentProvisioned(p) => (&p.agent, false),
        Payload::AgentProvisionFailed(p) => (&p.agent, false),
        Payload::AgentCheckedIn(p) => (&p.agent, false),
        Payload::AgentDeleted(p) => (&p.agent, true),
        _ => return None,
    };
    Some(WatchAgentsResponse {
        sequence: item.sequence,
        agent: Some(agent.clone()?),
        deleted,
    })
}
