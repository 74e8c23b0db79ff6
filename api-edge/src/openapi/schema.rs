//! Messages as JSON schemas.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use crate::transcode::Words;

/// The schemas that operations refer to.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    /// By full name; a schema that is being written is there already, empty.
    written: BTreeMap<String, (String, Value)>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self {
            comments,
            written: BTreeMap::new(),
        }
    }

    pub(super) fn into_components(self) -> Map<String, Value> {
        self.written.into_values().collect()
    }

    /// The schema of a field as an answer holds it, or as a request takes it.
    pub(super) fn field(&mut self, field: &FieldDescriptor, nullable: bool) -> Value {
        let one = |schemas: &mut Self, field: &FieldDescriptor| schemas.kind(&field.kind());
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                json!({"type": "object", "additionalProperties": one(self, &entry.map_entry_value_field())})
            }
            _ if field.is_list() => json!({"type": "array", "items": one(self, field)}),
            _ => one(self, field),
        };
        if nullable && !field.is_list() && !field.is_map() {
            schema = or_null(schema);
        }
        let comment = self.comments.field(field);
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }

    /// The schema of a message, by reference; of a well-known type, itself.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        match message.full_name() {
            "google.protobuf.Timestamp" => return json!({"type": "string", "format": "date-time"}),
            "google.protobuf.Duration" | "google.protobuf.FieldMask" => {
                return json!({"type": "string"});
            }
            "google.protobuf.Struct" => {
                return json!({"type": "object", "additionalProperties": true});
            }
            "google.protobuf.ListValue" => return json!({"type": "array", "items": {}}),
            "google.protobuf.Value" => return json!({}),
            _ => {}
        }
        let name = self.name(message);
        if !self.written.contains_key(message.full_name()) {
            self.written
                .insert(message.full_name().to_owned(), (name.clone(), Value::Null));
            let schema = self.describe(message);
            self.written
                .insert(message.full_name().to_owned(), (name.clone(), schema));
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The message's own name, with its area in front when another area has the same.
    fn name(&self, message: &MessageDescriptor) -> String {
        if let Some((name, _)) = self.written.get(message.full_name()) {
            return name.clone();
        }
        let area = message.package_name().split('.').nth(1).unwrap_or_default();
        let taken = message.name() == "Problem"
            || self
                .written
                .values()
                .any(|(name, _)| name == message.name());
        if taken {
            format!("{area}.{}", message.name())
        } else {
            message.name().to_owned()
        }
    }

    /// Every field of an answer is there; members of a `oneof` only when set.
    fn describe(&mut self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields() {
            let optional = field
                .containing_oneof()
                .is_some_and(|oneof| !oneof.is_synthetic());
            let nullable =
                !optional && (field.supports_presence() || matches!(field.kind(), Kind::Enum(_)));
            properties.insert(field.name().to_owned(), self.field(&field, nullable));
            if !optional {
                required.push(field.name().to_owned());
            }
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        let comment = self.comments.message(message);
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "integer", "format": "int64"})
            }
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Enum(words) => self.words(words),
            Kind::Message(message) => self.message(message),
        }
    }

    fn words(&self, descriptor: &EnumDescriptor) -> Value {
        let words = Words::of(descriptor);
        let mut schema = json!({"type": "string", "enum": words.all().collect::<Vec<_>>()});
        let comment = self.comments.words(descriptor);
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }
}

fn or_null(mut schema: Value) -> Value {
    if let Some(kind) = schema
        .get("type")
        .and_then(Value::as_str)
        .map(str::to_owned)
    {
        schema["type"] = json!([kind, "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        schema
    } else if schema.get("$ref").is_some() {
        json!({"anyOf": [schema, {"type": "null"}]})
    } else {
        schema
    }
}
