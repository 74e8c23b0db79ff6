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
    use prost::Message;
    use proto::{
        agent::v1::Notice,
        event::v1::{Actor, ActorKind, AgentTokenChanged, NoticeDead, NoticeSent, event::Payload},
    };

    use super::*;
    use crate::event_types;

    /// Everything that can be told of, each without any content.
    fn payloads() -> Vec<Payload> {
        let descriptor = proto::pool()
            .get_message_by_name("mission.event.v1.Event")
            .unwrap();
        let oneof = descriptor
            .oneofs()
            .find(|one| one.name() == "payload")
            .unwrap();
        let empty = |number: u32| {
            let mut bytes = Vec::new();
            prost::encoding::encode_key(
                number,
                prost::encoding::WireType::LengthDelimited,
                &mut bytes,
            );
            prost::encoding::encode_varint(0, &mut bytes);
            Event::decode(bytes.as_slice()).unwrap().payload.unwrap()
        };
        oneof.fields().map(|field| empty(field.number())).collect()
    }

    /// What somebody was told, and what nobody could be, of every kind.
    fn notices() -> Vec<Payload> {
        let kinds = [
            "task_assigned",
            "task_ready_for_review",
            "task_changes_requested",
            "task_created",
            "task_back_in_inbox",
            "task_comment",
            "approval_resolved",
            "board_updated",
            "board_group_join",
            "board_group_leave",
            "board_chat",
            "board_command",
            "group_chat",
            "group_broadcast",
        ];
        let of = |kind: &str| {
            let notice = Some(Notice {
                kind: kind.into(),
                ..Notice::default()
            });
            let sent = Payload::NoticeSent(NoticeSent {
                notice: notice.clone(),
            });
            [sent, Payload::NoticeDead(NoticeDead { notice })]
        };
        kinds.into_iter().flat_map(of).collect()
    }

    #[test]
    fn whatever_is_told_of_can_be_subscribed_to_and_has_a_body() {
        let (all, notices) = (payloads(), notices());
        assert!(all.len() >= 57, "{}", all.len());
        for payload in all.into_iter().chain(notices) {
            let topic = bus::topic_of(&payload);
            assert!(event_types::is_pattern(topic), "{topic}");
            assert!(topic.len() <= event_types::MAX, "{topic}");
            let (family, _) = topic.split_once('.').unwrap();
            for pattern in [topic.to_owned(), format!("{family}.*"), "*".to_owned()] {
                assert!(event_types::patterns_of(topic).contains(&pattern));
            }
            let actor = Actor::default();
            let at = chrono::DateTime::UNIX_EPOCH;
            let event = bus::event(actor, uuid::Uuid::nil(), at, payload).build();
            let body: Value = serde_json::from_str(&of(&event).unwrap()).unwrap();
            assert_eq!(body["type"], topic);
            assert_eq!(body["data"]["id"], event.id.as_str());
            let told = body["data"]["payload"].as_object().unwrap();
            assert!(!told.is_empty(), "{topic}");
        }
    }

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
