//! The plan against a slow and obvious transcoder, on arbitrary messages of the contract.

use api_edge::transcode::Plans;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat};
use proptest::prelude::*;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json, json};

/// The answers of the contract.
fn messages() -> Vec<MessageDescriptor> {
    let all = proto::pool()
        .all_messages()
        .filter(|m| m.full_name().starts_with("mission.") && !m.is_map_entry());
    all.collect()
}

/// JSON by the rules, field by field through reflection.
fn oracle(message: &DynamicMessage) -> Json {
    let descriptor = message.descriptor();
    let get = |name: &str| message.get_field_by_name(name).unwrap().into_owned();
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            let (seconds, nanos) = (
                get("seconds").as_i64().unwrap(),
                get("nanos").as_i32().unwrap(),
            );
            let valid = (-62_135_596_800..=253_402_300_799).contains(&seconds)
                && (0..1_000_000_000).contains(&nanos);
            let Some(moment) =
                DateTime::from_timestamp(seconds, nanos as u32 / 1_000 * 1_000).filter(|_| valid)
            else {
                return Json::Null;
            };
            let format = if nanos / 1_000 == 0 {
                SecondsFormat::Secs
            } else {
                SecondsFormat::Micros
            };
            return json!(moment.to_rfc3339_opts(format, true));
        }
        "google.protobuf.FieldMask" => {
            let paths = get("paths");
            let paths: Vec<_> = paths
                .as_list()
                .unwrap()
                .iter()
                .map(|path| path.as_str().unwrap())
                .collect();
            return json!(paths.join(","));
        }
        "google.protobuf.Struct" => {
            return value(
                &descriptor.get_field_by_name("fields").unwrap(),
                &get("fields"),
            );
        }
        "google.protobuf.ListValue" => {
            return value(
                &descriptor.get_field_by_name("values").unwrap(),
                &get("values"),
            );
        }
        "google.protobuf.Value" => {
            let set = descriptor.fields().find(|field| message.has_field(field));
            return match set {
                Some(field) if field.name() != "null_value" => {
                    value(&field, &message.get_field(&field))
                }
                _ => Json::Null,
            };
        }
        _ => {}
    }
    let mut object = Map::new();
    for field in descriptor.fields() {
        let in_oneof = field
            .containing_oneof()
            .is_some_and(|oneof| !oneof.is_synthetic());
        let present = message.has_field(&field);
        if in_oneof && !present {
            continue;
        }
        let json = if field.supports_presence() && !present {
            Json::Null
        } else {
            value(&field, &message.get_field(&field))
        };
        object.insert(field.name().to_owned(), json);
    }
    Json::Object(object)
}

fn value(field: &FieldDescriptor, content: &Value) -> Json {
    match content {
        Value::List(items) => items.iter().map(|item| value(field, item)).collect(),
        Value::Map(pairs) => {
            let Kind::Message(entry) = field.kind() else {
                panic!("a map is of entries")
            };
            let content = entry.map_entry_value_field();
            let name = |key: &MapKey| match key {
                MapKey::String(text) => text.clone(),
                other => panic!("no map of the contract has the key {other:?}"),
            };
            Json::Object(
                pairs
                    .iter()
                    .map(|(key, item)| (name(key), value(&content, item)))
                    .collect(),
            )
        }
        Value::Message(message) => oracle(message),
        Value::Bytes(bytes) => json!(BASE64_STANDARD.encode(bytes)),
        Value::EnumNumber(number) => {
            let Kind::Enum(words) = field.kind() else {
                panic!("a word is of an enum")
            };
            let prefix = words
                .default_value()
                .name()
                .strip_suffix("UNSPECIFIED")
                .unwrap()
                .to_owned();
            match words.get_value(*number) {
                Some(word) if *number != 0 => {
                    json!(word.name().strip_prefix(&prefix).unwrap().to_lowercase())
                }
                _ if *number == 0 => Json::Null,
                _ => json!(number),
            }
        }
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F32(value) => json!(value),
        Value::F64(value) => json!(value),
        Value::String(text) => json!(text),
    }
}

/// Takes decisions out of a string of bytes; zeros when it is used up.
struct Chance<'a>(&'a [u8]);

impl Chance<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn number(&mut self) -> i64 {
        match self.byte() % 6 {
            0 => 0,
            1 => -1,
            2 => i64::MAX,
            3 => i64::MIN,
            _ => i64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    fn text(&mut self) -> String {
        let length = self.byte() % 12;
        (0..length)
            .map(|_| {
                [
                    'a',
                    '"',
                    '\\',
                    '\n',
                    '\u{1}',
                    'é',
                    '你',
                    '\u{1f600}',
                    '/',
                    ' ',
                ][usize::from(self.byte() % 10)]
            })
            .collect()
    }
}

fn arbitrary(
    descriptor: &MessageDescriptor,
    chance: &mut Chance<'_>,
    depth: u32,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    if descriptor.full_name() == "google.protobuf.Timestamp" && !chance.byte().is_multiple_of(4) {
        message.set_field_by_name("seconds", Value::I64(chance.number() % 253_402_300_799));
        message.set_field_by_name(
            "nanos",
            Value::I32((chance.number() % 1_000_000_000) as i32),
        );
        return message;
    }
    for field in descriptor.fields() {
        if chance.byte().is_multiple_of(3) {
            continue;
        }
        let content = if field.is_map() {
            let Kind::Message(entry) = field.kind() else {
                panic!("a map is of entries")
            };
            let content = entry.map_entry_value_field();
            let pairs = (0..chance.byte() % 3).map(|_| {
                (
                    MapKey::String(chance.text()),
                    single(&content, chance, depth),
                )
            });
            Value::Map(
                pairs
                    .filter_map(|(key, value)| Some((key, value?)))
                    .collect(),
            )
        } else if field.is_list() {
            Value::List(
                (0..chance.byte() % 4)
                    .filter_map(|_| single(&field, chance, depth))
                    .collect(),
            )
        } else {
            let Some(content) = single(&field, chance, depth) else {
                continue;
            };
            content
        };
        message.set_field(&field, content);
    }
    message
}

/// A value of the field's kind; `None` when it would be nested too deep.
fn single(field: &FieldDescriptor, chance: &mut Chance<'_>, depth: u32) -> Option<Value> {
    Some(match field.kind() {
        Kind::Bool => Value::Bool(chance.byte() % 2 == 1),
        Kind::Int32 => Value::I32(chance.number() as i32),
        Kind::Int64 => Value::I64(chance.number()),
        Kind::Double => Value::F64(match chance.byte() % 3 {
            0 => chance.number() as i32 as f64,
            1 => f64::from(chance.number() as i32) / 8.0,
            _ => f64::NAN,
        }),
        Kind::String => Value::String(chance.text()),
        Kind::Bytes => Value::Bytes(chance.text().into()),
        Kind::Enum(_) => Value::EnumNumber(i32::from(chance.byte() % 8)),
        Kind::Message(message) if depth < 6 => {
            Value::Message(arbitrary(&message, chance, depth + 1))
        }
        Kind::Message(_) => return None,
        other => panic!("the contract has no {other:?}"),
    })
}

fn numbers_as_doubles(json: Json) -> Json {
    match json {
        Json::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap();
            if value.fract() == 0.0 && value.abs() < 9e15 {
                json!(value as i64)
            } else {
                json!(value)
            }
        }
        Json::Array(items) => items.into_iter().map(numbers_as_doubles).collect(),
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, numbers_as_doubles(value)))
                .collect(),
        ),
        other => other,
    }
}

fn fast(descriptor: &MessageDescriptor, wire: &[u8]) -> Json {
    static PLANS: std::sync::LazyLock<Plans> =
        std::sync::LazyLock::new(|| Plans::compile(proto::pool()));
    let mut out = Vec::new();
    PLANS
        .write(
            PLANS.answer(descriptor.full_name(), None).unwrap(),
            wire,
            &mut out,
        )
        .unwrap();
    serde_json::from_slice(&out)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

fn encode(message: &DynamicMessage) -> Vec<u8> {
    prost::Message::encode_to_vec(message)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_plan_says_what_reflection_says(which in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let messages = messages();
        let descriptor = which.get(&messages);
        let message = arbitrary(descriptor, &mut Chance(&bytes), 0);
        prop_assert_eq!(fast(descriptor, &encode(&message)), numbers_as_doubles(oracle(&message)));
    }

    #[test]
    fn parts_in_any_order_are_one_message(which in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..600), half in 0_usize..300) {
        let messages = messages();
        let descriptor = which.get(&messages);
        let (one, other) = bytes.split_at(half.min(bytes.len()));
        let mut wire = encode(&arbitrary(descriptor, &mut Chance(other), 0));
        wire.extend(encode(&arbitrary(descriptor, &mut Chance(one), 0)));
        let merged = DynamicMessage::decode(descriptor.clone(), &*wire).unwrap();
        prop_assert_eq!(fast(descriptor, &wire), numbers_as_doubles(oracle(&merged)));
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_written_but_never_panic(which in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let messages = messages();
        let plans = Plans::compile(proto::pool());
        let mut out = Vec::new();
        if plans.write(plans.answer(which.get(&messages).full_name(), None).unwrap(), &bytes, &mut out).is_ok() {
            prop_assert!(serde_json::from_slice::<Json>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
        }
    }
}
