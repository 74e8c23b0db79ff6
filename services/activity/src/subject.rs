//! What events are about.

use proto::{agent::v1::Agent, event::v1::event::Payload};

/// The agent that an event shows as it was then.
pub(crate) fn agent(payload: &mut Payload) -> Option<&mut Agent> {
    match payload {
        Payload::AgentCreated(p) => p.agent.as_mut(),
        Payload::AgentUpdated(p) => p.agent.as_mut(),
        Payload::AgentProvisioned(p) => p.agent.as_mut(),
        Payload::AgentProvisionFailed(p) => p.agent.as_mut(),
        Payload::AgentCheckedIn(p) => p.agent.as_mut(),
        Payload::AgentRetiring(p) => p.agent.as_mut(),
        Payload::AgentDeleted(p) => p.agent.as_mut(),
        Payload::AgentUnlinked(p) => p.agent.as_mut(),
        Payload::AgentWoken(p) => p.agent.as_mut(),
        Payload::AgentSilent(p) => p.agent.as_mut(),
        Payload::AgentWentOffline(p) => p.agent.as_mut(),
        Payload::AgentSoulUpdated(p) => p.agent.as_mut(),
        _ => None,
    }
}
