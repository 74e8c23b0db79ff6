//! What a receiver is told.

use proto::event::v1::Event;
use serde_json::{Map, Value, json};

/// Members of `data`, in their order.
const DATA: [&str; 8] = [
    "id",
    "organization_id",
    "board_id",
    "task_id",
    "agent_id",
    "actor",
    "request_id",
    "payload",
];

/// The body that tells of an event: its `type`, its moment as `timestamp`, and the event itself as `data`.
pub(crate) fn of(event: &Event) -> Result<String, prost::DecodeError> {
    let mut rendered = chassis::render::event(&prost::Message::encode_to_vec(event))?;
    let mut take = |name: &str| rendered.remove(name).unwrap_or_default();
    let (kind, timestamp) = (take("type"), take("occurred_at"));
    let data: Map<String, Value> = DATA
        .into_iter()
        .map(|name| (name.to_owned(), take(name)))
        .collect();
    Ok(json!({"type": kind, "timestamp": timestamp, "data": data}).to_string())
}

#[cfg(test)]
mod tests {
    use proto::event::v1::{Actor, ActorKind, AgentTokenChanged, event::Payload};

    use super::*;

    #[test]
    fn a_body_tells_who_did_what_to_what() {
        let event = Event {
            id: "e".into(),
            r#type: "agent.token_changed".into(),
            occurred_at: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 500_000_000,
            }),
            actor: Some(Actor {
                kind: ActorKind::System.into(),
                id: None,
                name: "Mission\0Control".into(),
            }),
            organization_id: "o".into(),
            board_id: Some("b".into()),
            task_id: None,
            agent_id: Some("a".into()),
            request_id: Some("r".into()),
            traceparent: Some("t".into()),
            payload: Some(Payload::AgentTokenChanged(AgentTokenChanged {
                agent_id: "a".into(),
            })),
        };
        assert_eq!(
            of(&event).unwrap(),
            concat!(
                r#"{"type":"agent.token_changed","timestamp":"1970-01-01T00:00:00.500Z","data":{"id":"e","#,
                r#""organization_id":"o","board_id":"b","task_id":null,"agent_id":"a","#,
                r#""actor":{"kind":"system","id":null,"name":"Mission\u0000Control"},"request_id":"r","#,
                r#""payload":{"agent_id":"a"}}}"#,
            )
        );
    }
}
