//! Why an agent could not be reached or set up: gateways speak in it, so only admins read it.

use proto::event::v1::{Event, event::Payload};

/// Takes the reasons out of an event.
pub(crate) fn withhold(event: &mut Event) {
    let agent = match &mut event.payload {
        Some(Payload::AgentCreated(p)) => &mut p.agent,
        Some(Payload::AgentUpdated(p)) => &mut p.agent,
        Some(Payload::AgentProvisioned(p)) => &mut p.agent,
        Some(Payload::AgentCheckedIn(p)) => &mut p.agent,
        Some(Payload::AgentDeleted(p)) => &mut p.agent,
        Some(Payload::AgentProvisionFailed(p)) => {
            p.reason.clear();
            &mut p.agent
        }
        Some(Payload::NoticeSent(p)) => {
            if let Some(notice) = &mut p.notice {
                notice.last_error = None;
            }
            return;
        }
        Some(Payload::NoticeDead(p)) => {
            if let Some(notice) = &mut p.notice {
                notice.last_error = None;
            }
            return;
        }
        _ => return,
    };
    if let Some(agent) = agent {
        agent.last_error = None;
    }
}

/// The same of a rendered payload.
pub(crate) fn withhold_json(payload: &mut serde_json::Value) {
    for place in ["/agent/last_error", "/notice/last_error"] {
        if let Some(error) = payload.pointer_mut(place) {
            *error = serde_json::Value::Null;
        }
    }
    if payload.get("agent").is_some()
        && let Some(reason) = payload.get_mut("reason")
    {
        *reason = serde_json::Value::String(String::new());
    }
}
