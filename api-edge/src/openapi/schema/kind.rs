//! The kinds of value that the contract has.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::{Schemas, Side};
use crate::{openapi::bounds::Bounds, transcode::Words};

/// Names that end like ids and hold something else.
const NO_UUID: [&str; 5] = [
    "clerk_user_id",
    "openclaw_session_id",
    "request_id",
    "runtime_agent_id",
    "session_id",
];
/// Ids that others give.
const NO_UUID_OF: [&str; 1] = ["mission.agent.v1.RuntimeAgent.id"];

impl Schemas<'_> {
    /// The schema of one value of a field.
    pub(super) fn kind(&mut self, field: &FieldDescriptor, side: Side) -> Value {
        match field.kind() {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String if is_uuid(field) => json!({"type": "string", "format": "uuid"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                integer("int64", i64::MIN.into(), i64::MAX.into(), side)
            }
            Kind::Uint64 | Kind::Fixed64 => integer("uint64", 0, u64::MAX.into(), side),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                integer("int32", i32::MIN.into(), i32::MAX.into(), side)
            }
            Kind::Uint32 | Kind::Fixed32 => integer("uint32", 0, u32::MAX.into(), side),
            Kind::Enum(words) => {
                let all: Vec<_> = Words::of(&words).all().map(str::to_owned).collect();
                let mut schema = json!({"type": "string", "enum": all});
                let comment = self.comments.words(&words);
                if !comment.is_empty() {
                    schema["description"] = json!(comment);
                }
                schema
            }
            Kind::Message(message) => self.message(&message, side),
        }
    }
}

/// Bounds that fields of one name have everywhere: those of pages, and places in a stream.
pub(super) fn bounds(field: &FieldDescriptor) -> Bounds {
    let is_paged = field
        .parent_message()
        .get_field_by_name("page_token")
        .is_some();
    match field.name() {
        "limit" if is_paged => Bounds::range(1, 200).standing_for_absence(200),
        "offset" if is_paged => {
            Bounds::range(0, i32::MAX.unsigned_abs().into()).standing_for_absence(0)
        }
        "after_sequence" => Bounds::range(0, i64::MAX.unsigned_abs()),
        _ => Bounds::default(),
    }
}

pub(super) fn well_known(message: &MessageDescriptor) -> Option<Value> {
    Some(match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" | "google.protobuf.FieldMask" => json!({"type": "string"}),
        "google.protobuf.Struct" => json!({"type": "object", "additionalProperties": true}),
        "google.protobuf.ListValue" => json!({"type": "array", "items": {}}),
        "google.protobuf.Value" => json!({}),
        _ => return None,
    })
}

fn integer(format: &str, least: i128, most: i128, side: Side) -> Value {
    let mut schema = json!({"type": "integer", "format": format});
    if side == Side::Request {
        // Beyond, JSON readers round: 2^63 and 2^64 are doubles, the numbers before them are not.
        let bound =
            |value: i128| i64::try_from(value).map_or(json!(u64::MAX), |value| json!(value));
        schema["minimum"] = bound(least);
        schema["maximum"] = bound(most);
    }
    schema
}

fn is_uuid(field: &FieldDescriptor) -> bool {
    let name = field.name();
    let one = name == "id" || name.ends_with("_id");
    (if field.is_list() {
        name.ends_with("_ids") || one
    } else {
        one
    }) && !NO_UUID.contains(&name)
        && !NO_UUID_OF.contains(&field.full_name())
}
