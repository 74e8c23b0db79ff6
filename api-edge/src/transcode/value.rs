//! One JSON value as one field on the wire.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use chassis::Violation;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value as Json};

use super::{
    Field, Words, time,
    wire::{self, zigzag},
};

/// How deep plain JSON (`Struct`, `Value`) may be nested. Every level is three messages on the wire, and decoders in the
/// mesh give up at one hundred; what a service stores it sends on inside other messages.
const NESTING: usize = 24;
/// More faults than this are not reported: nobody reads them.
const FAULTS: usize = 50;

/// Where a value stands in the request.
#[derive(Clone, Copy, Debug)]
pub(super) enum At<'a> {
    Name(Option<&'a At<'a>>, &'a str),
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(None, name) => write!(f, "{name}"),
            Self::Name(Some(outer), name) => write!(f, "{outer}.{name}"),
            Self::Index(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Violation>);

impl Faults {
    pub(super) fn add(&mut self, at: At<'_>, reason: &str, message: impl Into<String>) {
        if self.0.len() < FAULTS {
            self.0.push(Violation {
                field: at.to_string(),
                reason: reason.to_owned(),
                message: message.into(),
            });
        }
    }

    pub(super) fn into_result<T>(self, good: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() {
            Ok(good)
        } else {
            Err(self.0)
        }
    }
}

/// Appends a field; `null` appends nothing.
pub(super) fn encode(
    field: &FieldDescriptor,
    value: &Json,
    at: At<'_>,
    out: &mut Vec<u8>,
    faults: &mut Faults,
) {
    if let (Json::Null, false) = (value, is_value(field)) {
        return;
    }
    if let Kind::Message(entry) = field.kind()
        && field.is_map()
    {
        match value {
            Json::Object(pairs) => map(field, &entry, pairs, at, out, faults),
            _ => faults.add(at, "WRONG_TYPE", "must be an object"),
        }
    } else if field.is_list() {
        let Json::Array(items) = value else {
            return faults.add(at, "WRONG_TYPE", "must be a list");
        };
        for (index, item) in items.iter().enumerate() {
            single(field, item, At::Index(&at, index), out, faults);
        }
    } else {
        single(field, value, at, out, faults);
    }
}

fn is_value(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(kind) if kind.full_name() == "google.protobuf.Value")
}

fn map(
    field: &FieldDescriptor,
    entry: &MessageDescriptor,
    pairs: &Map<String, Json>,
    at: At<'_>,
    out: &mut Vec<u8>,
    faults: &mut Faults,
) {
    let (key, content) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    for (name, value) in pairs {
        let at = At::Name(Some(&at), name);
        let mut pair = Vec::new();
        single(&key, &super::query::json(&key, name), at, &mut pair, faults);
        single(&content, value, at, &mut pair, faults);
        wire::put(out, field.number(), Field::Len(&pair));
    }
}

fn single(
    field: &FieldDescriptor,
    value: &Json,
    at: At<'_>,
    out: &mut Vec<u8>,
    faults: &mut Faults,
) {
    let number = field.number();
    let kind = field.kind();
    match (&kind, value) {
        (Kind::Bool, Json::Bool(value)) => wire::put(out, number, Field::Varint(u64::from(*value))),
        (Kind::Bool, _) => faults.add(at, "WRONG_TYPE", "must be true or false"),
        (Kind::String, Json::String(text)) => {
            if clean(text, at, faults) {
                wire::put(out, number, Field::Len(text.as_bytes()));
            }
        }
        (Kind::String, _) => faults.add(at, "WRONG_TYPE", "must be a string"),
        (Kind::Bytes, Json::String(text)) => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => wire::put(out, number, Field::Len(&bytes)),
            Err(_) => faults.add(at, "BAD_BASE64", "must be base64"),
        },
        (Kind::Bytes, _) => faults.add(at, "WRONG_TYPE", "must be a base64 string"),
        (Kind::Enum(words), Json::String(word)) => {
            let words = Words::of(words);
            match words.number(word) {
                Some(value) => wire::put(out, number, Field::Varint(i64::from(value) as u64)),
                None => {
                    let known: Vec<_> = words.all().collect();
                    faults.add(
                        at,
                        "UNKNOWN_WORD",
                        format!("must be one of {}", known.join(", ")),
                    );
                }
            }
        }
        (Kind::Enum(_), _) => faults.add(at, "WRONG_TYPE", "must be a word"),
        (Kind::Message(message), value) => {
            if let Some(bytes) = nested(message, value, at, faults) {
                wire::put(out, number, Field::Len(&bytes));
            }
        }
        (_, Json::Number(value)) => match numeric(&kind, value) {
            Some(field) => wire::put(out, number, field),
            None if whole(value).is_none() => {
                faults.add(at, "WRONG_TYPE", "must be a whole number")
            }
            None => faults.add(at, "OUT_OF_RANGE", "is out of range"),
        },
        _ => faults.add(at, "WRONG_TYPE", "must be a number"),
    }
}

/// Refuses the character that no text column can hold.
fn clean(text: &str, at: At<'_>, faults: &mut Faults) -> bool {
    let clean = !text.contains('\0');
    if !clean {
        faults.add(at, "NUL_BYTE", "must not contain the NUL character");
    }
    clean
}

fn whole(value: &Number) -> Option<i128> {
    if let Some(value) = value.as_i64() {
        return Some(value.into());
    }
    if let Some(value) = value.as_u64() {
        return Some(value.into());
    }
    value
        .as_f64()
        .filter(|value| value.fract() == 0.0)
        .map(|value| value as i128)
}

fn numeric(kind: &Kind, value: &Number) -> Option<Field<'static>> {
    Some(match kind {
        Kind::Double => Field::Fixed64(value.as_f64()?.to_bits()),
        Kind::Float => Field::Fixed32(
            Some(value.as_f64()? as f32)
                .filter(|value| value.is_finite())?
                .to_bits(),
        ),
        Kind::Int32 => Field::Varint(i64::from(i32::try_from(whole(value)?).ok()?) as u64),
        Kind::Int64 => Field::Varint(i64::try_from(whole(value)?).ok()? as u64),
        Kind::Uint32 => Field::Varint(u64::from(u32::try_from(whole(value)?).ok()?)),
        Kind::Uint64 => Field::Varint(u64::try_from(whole(value)?).ok()?),
        Kind::Sint32 => Field::Varint(zigzag(i32::try_from(whole(value)?).ok()?.into())),
        Kind::Sint64 => Field::Varint(zigzag(i64::try_from(whole(value)?).ok()?)),
        Kind::Fixed32 => Field::Fixed32(u32::try_from(whole(value)?).ok()?),
        Kind::Fixed64 => Field::Fixed64(u64::try_from(whole(value)?).ok()?),
        Kind::Sfixed32 => Field::Fixed32(i32::try_from(whole(value)?).ok()? as u32),
        Kind::Sfixed64 => Field::Fixed64(i64::try_from(whole(value)?).ok()? as u64),
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Enum(_) => return None,
    })
}

/// The bytes of a message field; `None` when it was refused.
fn nested(
    message: &MessageDescriptor,
    value: &Json,
    at: At<'_>,
    faults: &mut Faults,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match (message.full_name(), value) {
        ("google.protobuf.Timestamp", value) => {
            let Some(moment) = value.as_str().and_then(time::parse) else {
                faults.add(
                    at,
                    "BAD_TIMESTAMP",
                    "must be an RFC 3339 time such as 2026-11-22T08:11:58Z",
                );
                return None;
            };
            wire::put(&mut out, 1, Field::Varint(moment.timestamp() as u64));
            // A leap second counts beyond the last nanosecond of its minute.
            let nanos = moment.timestamp_subsec_nanos().min(999_999_999);
            wire::put(&mut out, 2, Field::Varint(nanos.into()));
        }
        ("google.protobuf.Struct", Json::Object(pairs)) => {
            object(pairs, at, NESTING, &mut out, faults)
        }
        ("google.protobuf.ListValue", Json::Array(items)) => {
            list(items, at, NESTING, &mut out, faults)
        }
        ("google.protobuf.Value", value) => plain(value, at, NESTING, &mut out, faults),
        ("google.protobuf.ListValue", _) => {
            faults.add(at, "WRONG_TYPE", "must be a list");
            return None;
        }
        (_, Json::Object(pairs)) => {
            for (name, value) in pairs {
                if let Some(field) = message.get_field_by_name(name) {
                    encode(&field, value, At::Name(Some(&at), name), &mut out, faults);
                }
            }
        }
        _ => {
            faults.add(at, "WRONG_TYPE", "must be an object");
            return None;
        }
    }
    Some(out)
}

fn object(
    pairs: &Map<String, Json>,
    at: At<'_>,
    left: usize,
    out: &mut Vec<u8>,
    faults: &mut Faults,
) {
    for (name, value) in pairs {
        let at = At::Name(Some(&at), name);
        if !clean(name, at, faults) {
            continue;
        }
        let (mut content, mut pair) = (Vec::new(), Vec::new());
        plain(value, at, left, &mut content, faults);
        wire::put(&mut pair, 1, Field::Len(name.as_bytes()));
        wire::put(&mut pair, 2, Field::Len(&content));
        wire::put(out, 1, Field::Len(&pair));
    }
}

fn list(items: &[Json], at: At<'_>, left: usize, out: &mut Vec<u8>, faults: &mut Faults) {
    for (index, item) in items.iter().enumerate() {
        let mut content = Vec::new();
        plain(item, At::Index(&at, index), left, &mut content, faults);
        wire::put(out, 1, Field::Len(&content));
    }
}

/// Any JSON as a `google.protobuf.Value`.
fn plain(value: &Json, at: At<'_>, left: usize, out: &mut Vec<u8>, faults: &mut Faults) {
    let mut inner = Vec::new();
    match value {
        Json::Null => wire::put(out, 1, Field::Varint(0)),
        Json::Number(number) => {
            wire::put(
                out,
                2,
                Field::Fixed64(number.as_f64().unwrap_or_default().to_bits()),
            );
        }
        Json::String(text) => {
            if clean(text, at, faults) {
                wire::put(out, 3, Field::Len(text.as_bytes()));
            }
        }
        Json::Bool(value) => wire::put(out, 4, Field::Varint(u64::from(*value))),
        Json::Object(_) | Json::Array(_) if left == 0 => {
            faults.add(
                at,
                "TOO_DEEP",
                format!("at most {NESTING} levels of nesting"),
            );
        }
        Json::Object(pairs) => {
            object(pairs, at, left - 1, &mut inner, faults);
            wire::put(out, 5, Field::Len(&inner));
        }
        Json::Array(items) => {
            list(items, at, left - 1, &mut inner, faults);
            wire::put(out, 6, Field::Len(&inner));
        }
    }
}
