//! Fields as text: in the path and in the query.

use std::collections::HashSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Number, Value as Json};

use super::value::{At, Faults};

/// The fields that a query string names and nobody else has taken. A repeated field may come several times or
/// comma-separated; any other comes once. Unknown names are ignored.
pub(super) fn fields(
    query: &str,
    message: &MessageDescriptor,
    taken: &mut HashSet<u32>,
    faults: &mut Faults,
) -> Vec<(FieldDescriptor, Json)> {
    let mut found: Vec<(FieldDescriptor, Json)> = Vec::new();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(field) = message.get_field_by_name(&name) else {
            continue;
        };
        let earlier = found
            .iter_mut()
            .find(|(other, _)| *other == field)
            .map(|(_, value)| value);
        if earlier.is_none() && !taken.insert(field.number()) {
            continue;
        }
        match (earlier, field.is_list()) {
            (Some(Json::Array(items)), true) => items.extend(list(&field, &text)),
            (Some(_), _) => faults.add(At::Name(None, &name), "REPEATED", "may be given once"),
            (None, true) => {
                let items = Json::Array(list(&field, &text).collect());
                found.push((field, items));
            }
            (None, false) => {
                let value = json(&field, &text);
                found.push((field, value));
            }
        }
    }
    found
}

fn list<'a>(field: &'a FieldDescriptor, text: &'a str) -> impl Iterator<Item = Json> + 'a {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| json(field, item))
}

/// The JSON value that a text stands for. What is no value of the field's kind stays text, to be refused with the rest.
pub(super) fn json(field: &FieldDescriptor, text: &str) -> Json {
    let value = match field.kind() {
        Kind::Bool => match text {
            "true" | "1" => Some(Json::Bool(true)),
            "false" | "0" => Some(Json::Bool(false)),
            _ => None,
        },
        Kind::String | Kind::Bytes | Kind::Enum(_) => None,
        // An offset's plus sign that was not percent-encoded arrives as a space.
        Kind::Message(kind)
            if kind.full_name() == "google.protobuf.Timestamp" && text.contains('T') =>
        {
            Some(Json::String(text.replace(' ', "+")))
        }
        Kind::Message(_) => None,
        _ => number(text).map(Json::Number),
    };
    value.unwrap_or_else(|| Json::String(text.to_owned()))
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    Number::from_f64(text.parse().ok()?)
}
