//! Messages as JSON schemas, as answers hold them and as requests take them.

mod always;
mod kind;

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{bounds::Bounds, comments::Comments};

/// Which way a message goes. An answer holds every field; a request may leave out what can be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Answer,
    Request,
}

/// The schemas that operations refer to.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    /// By full name and side; a schema that is being written is there already, empty.
    written: BTreeMap<(String, Side), (String, Value)>,
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

    /// The schema of a field of an answer.
    pub(super) fn answer(&mut self, field: &FieldDescriptor) -> Value {
        self.field(field, Side::Answer, None)
    }

    /// The schema of a field that is the answer itself: it is there.
    pub(super) fn answer_itself(&mut self, field: &FieldDescriptor) -> Value {
        let one = self.kind(field, Side::Answer);
        if field.is_list() {
            json!({"type": "array", "items": one})
        } else {
            one
        }
    }

    /// The schema of a field of a request: what is not said of it is what is said of the field of the thing that it is about.
    pub(super) fn request(
        &mut self,
        field: &FieldDescriptor,
        thing: Option<&MessageDescriptor>,
    ) -> Value {
        self.field(field, Side::Request, thing)
    }

    /// A request of these fields.
    pub(super) fn object(
        &mut self,
        fields: impl Iterator<Item = FieldDescriptor>,
        thing: Option<&MessageDescriptor>,
    ) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            let mut schema = self.request(&field, thing);
            if self.is_required(&field, &schema) {
                required.push(field.name().to_owned());
            } else {
                schema = or_null(schema);
            }
            properties.insert(field.name().to_owned(), schema);
        }
        finish(properties, required)
    }

    /// A text that cannot be left out has to be given, as has a list that cannot be empty and what the contract says so of.
    fn is_required(&self, field: &FieldDescriptor, schema: &Value) -> bool {
        let is_text = field.kind() == Kind::String
            && field.cardinality() != Cardinality::Repeated
            && !field.supports_presence();
        let is_filled = !field.supports_presence()
            && schema["minItems"].as_u64().is_some_and(|least| least > 0);
        is_text || is_filled || self.comments.field(field).starts_with("Required")
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        side: Side,
        thing: Option<&MessageDescriptor>,
    ) -> Value {
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let content = self.field(&entry.map_entry_value_field(), side, None);
                json!({"type": "object", "additionalProperties": content})
            }
            _ if field.is_list() => json!({"type": "array", "items": self.kind(field, side)}),
            _ => self.kind(field, side),
        };
        let own = self.comments.field(field);
        let inherited = thing
            .and_then(|thing| thing.get_field_by_name(field.name()))
            .map_or("", |field| self.comments.field(&field));
        let mut bounds = Bounds::of(field, own);
        if bounds.is_unbounded() {
            bounds = bounds.or(Bounds::of(field, inherited));
        }
        if bounds.is_unbounded() && side == Side::Request {
            bounds = bounds.or(kind::bounds(field));
        }
        if let Value::Object(schema) = &mut schema {
            bounds.write(field, side == Side::Request, schema);
        }
        if side == Side::Answer && !field.is_list() && !field.is_map() && always::may_lack(field) {
            schema = or_null(schema);
        }
        let comment = if own.is_empty() { inherited } else { own };
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }

    /// The schema of a message, by reference; of a well-known type, itself.
    pub(super) fn message(&mut self, message: &MessageDescriptor, side: Side) -> Value {
        if let Some(known) = kind::well_known(message) {
            return known;
        }
        let name = self.name(message, side);
        let key = (message.full_name().to_owned(), side);
        if !self.written.contains_key(&key) {
            self.written
                .insert(key.clone(), (name.clone(), Value::Null));
            let mut schema = match side {
                Side::Answer => self.whole(message),
                Side::Request => self.object(message.fields(), thing(message).as_ref()),
            };
            let comment = self.comments.message(message);
            if !comment.is_empty() {
                schema["description"] = json!(comment);
            }
            if let Some(intent) = proto::access::intent(message) {
                schema["x-llm-intent"] = json!(intent);
            }
            self.written.insert(key, (name.clone(), schema));
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The message's own name, with its area in front when another area has the same.
    fn name(&self, message: &MessageDescriptor, side: Side) -> String {
        let key = (message.full_name().to_owned(), side);
        if let Some((name, _)) = self.written.get(&key) {
            return name.clone();
        }
        let area = message.package_name().split('.').nth(1).unwrap_or_default();
        let own = match side {
            Side::Request if !message.name().ends_with("Request") => {
                format!("{}Input", message.name())
            }
            Side::Answer | Side::Request => message.name().to_owned(),
        };
        let taken = own == "Problem" || self.written.values().any(|(name, _)| *name == own);
        if taken { format!("{area}.{own}") } else { own }
    }

    /// Every field of an answer is there; members of a `oneof` only when set.
    fn whole(&mut self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields() {
            let is_member = field
                .containing_oneof()
                .is_some_and(|oneof| !oneof.is_synthetic());
            if !is_member {
                required.push(field.name().to_owned());
            }
            properties.insert(field.name().to_owned(), self.answer(&field));
        }
        finish(properties, required)
    }
}

/// The thing that a request creates or changes: `Tag` of `CreateTagRequest`.
pub(super) fn thing(request: &MessageDescriptor) -> Option<MessageDescriptor> {
    let name = request.name().strip_suffix("Request")?;
    let (verb, _) = name
        .char_indices()
        .skip(1)
        .find(|(_, letter)| letter.is_ascii_uppercase())?;
    let noun = &name[verb..];
    let full_name = format!("{}.{noun}", request.package_name());
    request.parent_pool().get_message_by_name(&full_name)
}

fn finish(properties: Map<String, Value>, required: Vec<String>) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
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
        return schema;
    }
    let Value::Object(members) = &mut schema else {
        return schema;
    };
    let Some(reference) = members.remove("$ref") else {
        return schema;
    };
    members.insert(
        "anyOf".into(),
        json!([{"$ref": reference}, {"type": "null"}]),
    );
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_about_the_thing_in_its_name() {
        let about = |name: &str| {
            let message = proto::pool().get_message_by_name(name).unwrap();
            thing(&message).map(|thing| thing.name().to_owned())
        };
        assert_eq!(
            about("mission.approval.v1.CreateApprovalPolicyRequest").as_deref(),
            Some("ApprovalPolicy")
        );
        assert_eq!(
            about("mission.board.v1.UpdateTaskRequest").as_deref(),
            Some("Task")
        );
        assert_eq!(about("mission.org.v1.GetMeRequest"), None);
    }
}
