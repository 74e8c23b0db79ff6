//! Message descriptors, compiled flat: what to write for each field number, in ascending order.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::{Words, response::Broken};

/// The plan of every message of a contract.
#[derive(Debug)]
pub struct Plans {
    pub(super) all: Vec<Plan>,
    by_name: HashMap<String, usize>,
}

/// One message: its fields by ascending number, which is the order in which they are usually sent.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
}

/// One field.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) number: u32,
    /// The name as JSON writes it, colon included.
    pub(super) key: Box<[u8]>,
    pub(super) shape: Shape,
    pub(super) value: Scalar,
    /// Place of its `oneof` among those of the message, when it belongs to one.
    pub(super) oneof: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// `absent` is written when the wire has none; without it the field is left out.
    Single {
        absent: Option<&'static str>,
    },
    List,
    Map {
        key: MapKey,
    },
}

/// Keys of a JSON object are strings, whatever a map's keys are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MapKey {
    Text,
    Unsigned,
    Signed,
    Boolean,
    Other,
}

/// How a value stands on the wire and what JSON it becomes.
#[derive(Debug)]
pub(super) enum Scalar {
    Bool,
    Signed,
    Unsigned,
    Zigzag,
    Fixed32,
    Sfixed32,
    Fixed64,
    Sfixed64,
    Float,
    Double,
    Text,
    Bytes,
    Word(Words),
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    List,
    Value,
    /// Place among [`Plans::all`].
    Message(usize),
}

/// What of a message is the answer: all of it, or one field (`response_body` of the route).
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub(super) plan: usize,
    pub(super) step: Option<usize>,
}

impl Plans {
    /// Compiles every message of the pool.
    pub fn compile(pool: &DescriptorPool) -> Self {
        let by_name: HashMap<_, _> = pool
            .all_messages()
            .enumerate()
            .map(|(place, message)| (message.full_name().to_owned(), place))
            .collect();
        let all = pool
            .all_messages()
            .map(|message| Plan::compile(&message, &by_name))
            .collect();
        Self { all, by_name }
    }

    /// How a message is answered; `None` when the contract has no such message or the message no such field.
    pub fn answer(&self, message: &str, field: Option<&FieldDescriptor>) -> Option<Answer> {
        let plan = *self.by_name.get(message)?;
        let step = match field {
            None => None,
            Some(field) => Some(self.all[plan].find(field.number())?),
        };
        Some(Answer { plan, step })
    }

    /// Writes the JSON of a message on the wire.
    ///
    /// # Errors
    /// When the bytes are no such message. The buffer then holds part of it.
    pub fn write(&self, answer: Answer, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        match answer.step {
            None => self.message(answer.plan, wire, out, 0),
            Some(step) => self.field(&self.all[answer.plan].steps[step], wire, out),
        }
    }
}

impl Plan {
    fn compile(message: &MessageDescriptor, places: &HashMap<String, usize>) -> Self {
        let oneofs: Vec<_> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .collect();
        let mut steps: Vec<_> = message
            .fields()
            .map(|field| Step {
                number: field.number(),
                key: format!("\"{}\":", field.name()).into_bytes().into(),
                shape: shape(&field),
                value: scalar(&element(&field), places),
                oneof: field
                    .containing_oneof()
                    .and_then(|own| oneofs.iter().position(|other| *other == own))
                    .map(|place| u8::try_from(place).expect("a message has few oneofs")),
            })
            .collect();
        steps.sort_by_key(|step| step.number);
        Self { steps }
    }

    pub(super) fn find(&self, number: u32) -> Option<usize> {
        self.steps
            .binary_search_by_key(&number, |step| step.number)
            .ok()
    }
}

/// The field whose type the values have: of a map, the values' own.
fn element(field: &FieldDescriptor) -> FieldDescriptor {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field(),
        _ => field.clone(),
    }
}

fn shape(field: &FieldDescriptor) -> Shape {
    if let Kind::Message(entry) = field.kind()
        && field.is_map()
    {
        return Shape::Map {
            key: map_key(&entry.map_entry_key_field().kind()),
        };
    }
    if field.is_list() {
        return Shape::List;
    }
    let in_oneof = field
        .containing_oneof()
        .is_some_and(|oneof| !oneof.is_synthetic());
    let absent = if in_oneof {
        None
    } else if field.supports_presence() {
        Some("null")
    } else {
        Some(match field.kind() {
            Kind::Bool => "false",
            Kind::String | Kind::Bytes => "\"\"",
            Kind::Enum(_) => "null",
            _ => "0",
        })
    };
    Shape::Single { absent }
}

fn map_key(kind: &Kind) -> MapKey {
    match kind {
        Kind::String => MapKey::Text,
        Kind::Uint32 | Kind::Uint64 => MapKey::Unsigned,
        Kind::Int32 | Kind::Int64 => MapKey::Signed,
        Kind::Bool => MapKey::Boolean,
        _ => MapKey::Other,
    }
}

fn scalar(field: &FieldDescriptor, places: &HashMap<String, usize>) -> Scalar {
    match field.kind() {
        Kind::Bool => Scalar::Bool,
        Kind::Int32 | Kind::Int64 => Scalar::Signed,
        Kind::Uint32 | Kind::Uint64 => Scalar::Unsigned,
        Kind::Sint32 | Kind::Sint64 => Scalar::Zigzag,
        Kind::Fixed32 => Scalar::Fixed32,
        Kind::Sfixed32 => Scalar::Sfixed32,
        Kind::Fixed64 => Scalar::Fixed64,
        Kind::Sfixed64 => Scalar::Sfixed64,
        Kind::Float => Scalar::Float,
        Kind::Double => Scalar::Double,
        Kind::String => Scalar::Text,
        Kind::Bytes => Scalar::Bytes,
        Kind::Enum(descriptor) => Scalar::Word(Words::of(&descriptor)),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => Scalar::Timestamp,
            "google.protobuf.Duration" => Scalar::Duration,
            "google.protobuf.FieldMask" => Scalar::FieldMask,
            "google.protobuf.Struct" => Scalar::Struct,
            "google.protobuf.ListValue" => Scalar::List,
            "google.protobuf.Value" => Scalar::Value,
            name => Scalar::Message(places[name]),
        },
    }
}
