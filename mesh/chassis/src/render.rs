//! Messages as JSON, by the rules of the REST API: snake_case, absent is `null`, enum words in lower case without prefix,
//! moments in RFC 3339 with `Z`, structs as plain JSON.
//!
//! For what is rendered once and stored or sent; the edge has a quicker way for its answers.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use prost::Message;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json};

/// An encoded `mission.event.v1.Event`. Whatever it tells of is its `payload`; an empty object when it carries none.
///
/// # Errors
/// Fails when the bytes are no event.
pub fn event(encoded: &[u8]) -> Result<Map<String, Json>, prost::DecodeError> {
    let descriptor = proto::pool()
        .get_message_by_name("mission.event.v1.Event")
        .expect("the contract defines the event");
    let event = DynamicMessage::decode(descriptor.clone(), encoded)?;
    let mut rendered = Map::new();
    let mut payload = Json::Object(Map::new());
    for field in descriptor.fields() {
        let is_payload = field
            .containing_oneof()
            .is_some_and(|oneof| oneof.name() == "payload");
        if !is_payload {
            rendered.insert(field.name().to_owned(), member(&event, &field));
        } else if event.has_field(&field) {
            payload = member(&event, &field);
        }
    }
    rendered.insert("payload".to_owned(), payload);
    Ok(rendered)
}

fn message(message: &DynamicMessage) -> Json {
    match message.descriptor().full_name() {
        "google.protobuf.Timestamp" => timestamp(message),
        "google.protobuf.Struct" => well_known::<prost_types::Struct>(message)
            .map_or(Json::Null, |value| crate::encode::from_struct(&value)),
        "google.protobuf.Value" => well_known::<prost_types::Value>(message)
            .map_or(Json::Null, |value| crate::encode::from_value(&value)),
        _ => Json::Object(
            message
                .descriptor()
                .fields()
                .map(|field| (field.name().to_owned(), member(message, &field)))
                .collect(),
        ),
    }
}

fn member(message: &DynamicMessage, field: &FieldDescriptor) -> Json {
    if field.supports_presence() && !message.has_field(field) {
        return Json::Null;
    }
    match message.get_field(field) {
        Cow::Borrowed(value) => self::value(value, &field.kind()),
        Cow::Owned(value) => self::value(&value, &field.kind()),
    }
}

fn value(value: &Value, kind: &Kind) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => Json::from(*value),
        Value::I64(value) => Json::from(*value),
        Value::U32(value) => Json::from(*value),
        Value::U64(value) => Json::from(*value),
        // What JSON cannot say (NaN) is null.
        Value::F32(value) => Json::from(*value),
        Value::F64(value) => Json::from(*value),
        Value::String(value) => Json::from(value.as_str()),
        Value::Bytes(value) => Json::from(hex::encode(value)),
        Value::EnumNumber(number) => match kind {
            Kind::Enum(kind) => word(kind, *number),
            _ => Json::from(*number),
        },
        Value::Message(value) => message(value),
        Value::List(values) => values
            .iter()
            .map(|value| self::value(value, kind))
            .collect(),
        Value::Map(entries) => map(entries.iter(), kind),
    }
}

fn map<'a>(entries: impl Iterator<Item = (&'a MapKey, &'a Value)>, kind: &Kind) -> Json {
    let Kind::Message(entry) = kind else {
        return Json::Null;
    };
    let kind = entry.map_entry_value_field().kind();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(key, _)| *key);
    let named = |key: &MapKey| match key {
        MapKey::String(key) => key.clone(),
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
    };
    Json::Object(
        entries
            .into_iter()
            .map(|(key, value)| (named(key), self::value(value, &kind)))
            .collect(),
    )
}

/// `TASK_STATUS_IN_PROGRESS` is `in_progress`; the zero value and what this contract does not know are null.
fn word(kind: &EnumDescriptor, number: i32) -> Json {
    let zero = kind.default_value();
    let prefix = zero.name().strip_suffix("UNSPECIFIED").unwrap_or_default();
    kind.get_value(number)
        .filter(|value| value.number() != 0)
        .map_or(Json::Null, |value| {
            let name = value.name();
            Json::from(
                name.strip_prefix(prefix)
                    .unwrap_or(name)
                    .to_ascii_lowercase(),
            )
        })
}

fn timestamp(message: &DynamicMessage) -> Json {
    well_known::<prost_types::Timestamp>(message)
        .and_then(|at| DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?))
        .map_or(Json::Null, |at| {
            Json::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        })
}

fn well_known<M: Message + Default>(message: &DynamicMessage) -> Option<M> {
    message.transcode_to::<M>().ok()
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use proto::{
        approval::v1::{Approval, ApprovalStatus},
        board::v1::{Task, TaskStatus},
        event::v1::{Actor, ActorKind, ApprovalCreated, Event, TaskStatusChanged, event::Payload},
    };
    use serde_json::json;

    use super::*;

    fn rendered(payload: Payload) -> Json {
        let event = Event {
            payload: Some(payload),
            ..Event::default()
        };
        super::event(&event.encode_to_vec()).unwrap()["payload"].clone()
    }

    #[test]
    fn a_payload_reads_as_rest_would_write_it() {
        let json = rendered(Payload::TaskStatusChanged(TaskStatusChanged {
            task: Some(Task {
                id: "t".into(),
                status: TaskStatus::InProgress.into(),
                created_at: Some(Timestamp {
                    seconds: 0,
                    nanos: 1_000,
                }),
                custom_field_values: crate::encode::to_struct(&json!({"n": 5, "s": ["x", null]})),
                version: i64::from(u32::MAX),
                ..Task::default()
            }),
            from: TaskStatus::Unspecified.into(),
            to: TaskStatus::Done.into(),
            seconds_in_from: 1.5,
            ..TaskStatusChanged::default()
        }));
        assert_eq!(json["task"]["status"], "in_progress");
        assert_eq!(json["task"]["created_at"], "1970-01-01T00:00:00.000001Z");
        assert_eq!(
            json["task"]["custom_field_values"],
            json!({"n": 5, "s": ["x", null]})
        );
        assert_eq!(json["task"]["version"], 4_294_967_295_u32);
        assert_eq!(json["task"]["assigned_agent_id"], Json::Null);
        assert_eq!(json["task"]["tag_ids"], json!([]));
        assert_eq!(json["from"], Json::Null);
        assert_eq!(json["to"], "done");
        assert_eq!(json["seconds_in_from"], 1.5);
        assert_eq!(json["cause"], Json::Null);
    }

    #[test]
    fn maps_are_objects_in_the_order_of_their_keys() {
        let json = rendered(Payload::ApprovalCreated(ApprovalCreated {
            approval: Some(Approval {
                rubric_scores: [("b".to_owned(), 2), ("a".to_owned(), 1)].into(),
                status: ApprovalStatus::Pending.into(),
                ..Approval::default()
            }),
            ..ApprovalCreated::default()
        }));
        assert_eq!(
            json["approval"]["rubric_scores"].to_string(),
            r#"{"a":1,"b":2}"#
        );
        assert_eq!(json["approval"]["status"], "pending");
    }

    #[test]
    fn an_event_without_payload_tells_of_an_empty_object() {
        let event = Event {
            id: "e".into(),
            r#type: "task.created".into(),
            occurred_at: Some(Timestamp {
                seconds: 1,
                nanos: 0,
            }),
            actor: Some(Actor {
                kind: ActorKind::User.into(),
                id: None,
                name: "Ada".into(),
            }),
            organization_id: "o".into(),
            board_id: Some("b".into()),
            ..Event::default()
        };
        let rendered = Json::Object(super::event(&event.encode_to_vec()).unwrap());
        assert_eq!(
            rendered,
            json!({
                "id": "e", "type": "task.created", "occurred_at": "1970-01-01T00:00:01Z",
                "actor": {"kind": "user", "id": null, "name": "Ada"}, "organization_id": "o", "board_id": "b",
                "task_id": null, "agent_id": null, "request_id": null, "traceparent": null, "payload": {},
            })
        );
    }
}
