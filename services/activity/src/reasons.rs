//! Why an agent could not be reached or set up: gateways speak in it, so only admins read it.

use proto::{
    agent::v1::Notice,
    event::v1::{Event, event::Payload},
};
use serde_json::Value as Json;

use crate::subject;

/// Takes the reasons out of an event.
pub(crate) fn withhold(event: &mut Event) {
    let Some(payload) = &mut event.payload else {
        return;
    };
    if let Payload::AgentProvisionFailed(failed) = payload {
        failed.reason.clear();
    }
    if let Some(agent) = subject::agent(payload) {
        agent.last_error = None;
    }
    if let Some(notice) = notice(payload) {
        notice.last_error = None;
    }
}

/// The same of a rendered payload.
pub(crate) fn withhold_json(event_type: &str, payload: &mut Json) {
    for place in ["/agent/last_error", "/notice/last_error"] {
        if let Some(error) = payload.pointer_mut(place) {
            *error = Json::Null;
        }
    }
    if event_type == "agent.provision_failed"
        && let Some(reason) = payload.get_mut("reason")
    {
        *reason = Json::String(String::new());
    }
}

fn notice(payload: &mut Payload) -> Option<&mut Notice> {
    match payload {
        Payload::NoticeSent(p) => p.notice.as_mut(),
        Payload::NoticeDead(p) => p.notice.as_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_reflect::{DynamicMessage, Kind, Value};

    use super::*;

    const WHY: &str = "gateway ws://10.0.0.1 refused";

    /// Every event with something in it that has a `last_error`.
    fn telling() -> Vec<Event> {
        let pool = proto::pool();
        let event = pool.get_message_by_name("mission.event.v1.Event").unwrap();
        let payload = event.oneofs().find(|one| one.name() == "payload").unwrap();
        let mut events = Vec::new();
        for variant in payload.fields() {
            let Kind::Message(kind) = variant.kind() else {
                continue;
            };
            for field in kind.fields() {
                let Kind::Message(inner) = field.kind() else {
                    continue;
                };
                if inner.get_field_by_name("last_error").is_none() || field.is_list() {
                    continue;
                }
                let mut about = DynamicMessage::new(inner);
                about.set_field_by_name("last_error", Value::String(WHY.into()));
                let mut told = DynamicMessage::new(kind.clone());
                told.set_field(&field, Value::Message(about));
                let mut whole = DynamicMessage::new(event.clone());
                whole.set_field(&variant, Value::Message(told));
                events.push(whole.transcode_to().unwrap());
            }
        }
        events
    }

    #[test]
    fn no_event_tells_why_to_those_who_may_not_know() {
        let events = telling();
        assert!(events.len() >= 13, "{}", events.len());
        for mut event in events {
            assert!(told(&event), "{event:?}");
            withhold(&mut event);
            assert!(!told(&event), "{event:?}");
        }
    }

    fn told(event: &Event) -> bool {
        String::from_utf8_lossy(&event.encode_to_vec()).contains(WHY)
    }

    #[test]
    fn what_a_person_gave_as_a_reason_is_not_withheld() {
        let given = serde_json::json!({"agent": {"last_error": WHY}, "reason": "Shorter."});
        let mut soul = given.clone();
        withhold_json("agent.soul.updated", &mut soul);
        let expected = serde_json::json!({"agent": {"last_error": null}, "reason": "Shorter."});
        assert_eq!(soul, expected);
        let mut failed = given;
        withhold_json("agent.provision_failed", &mut failed);
        assert_eq!(failed["reason"], "");
    }
}
