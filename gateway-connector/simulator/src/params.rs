//! Closed parameters: what is missing, unknown or of the wrong kind is refused by name.

use serde_json::{Map, Value};

use crate::frame::Failure;

/// What a property holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text of at least one character.
    Text,
    /// Text, perhaps empty.
    AnyText,
    /// Text or null, at most so many characters.
    Label(usize),
    Boolean,
    Count {
        from: i64,
        to: i64,
    },
    Object,
    Any,
}

use Kind::{Any, AnyText, Boolean, Count, Label, Object, Text};

/// Checks params against a closed object; `wanted` names each property, its kind and whether it must be there.
pub(crate) fn check<'v>(
    method: &str,
    params: &'v Value,
    wanted: &[(&str, Kind, bool)],
) -> Result<&'v Map<String, Value>, Failure> {
    closed(params, "", wanted)
        .map_err(|problem| Failure::invalid(format!("invalid {method} params: {problem}")))
}

/// The same for an object inside the params; `at` is its JSON pointer.
pub(crate) fn closed<'v>(
    value: &'v Value,
    at: &str,
    wanted: &[(&str, Kind, bool)],
) -> Result<&'v Map<String, Value>, String> {
    let place = if at.is_empty() {
        String::new()
    } else {
        format!("at {at}: ")
    };
    let Some(object) = value.as_object() else {
        return Err(format!(
            "{}must be object",
            if at.is_empty() { "at root: " } else { &place }
        ));
    };
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(name, _, required)| *required && !object.contains_key(*name))
        .map(|(name, ..)| format!("{place}must have required property '{name}'"))
        .collect();
    if !missing.is_empty() {
        return Err(missing.join("; "));
    }
    for (name, value) in object {
        let Some((_, kind, _)) = wanted.iter().find(|(wanted, ..)| wanted == name) else {
            let root = if at.is_empty() {
                "at root: ".to_owned()
            } else {
                place.clone()
            };
            return Err(format!("{root}unexpected property '{name}'"));
        };
        if let Some(problem) = kind.problem(value) {
            return Err(format!("at {at}/{name}: {problem}"));
        }
    }
    Ok(object)
}

impl Kind {
    fn problem(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Any, _)
            | (AnyText, Value::String(_))
            | (Boolean, Value::Bool(_))
            | (Object, Value::Object(_)) => None,
            (Text, Value::String(text)) if text.is_empty() => {
                Some("must NOT have fewer than 1 characters".into())
            }
            (Text, Value::String(_)) | (Label(_), Value::Null) => None,
            (Label(max), Value::String(text)) => (text.chars().count() > max)
                .then(|| format!("must NOT have more than {max} characters")),
            (Count { from, to }, Value::Number(number)) => match number.as_i64() {
                None => Some("must be integer".into()),
                Some(count) if count < from => Some(format!("must be >= {from}")),
                Some(count) if count > to => Some(format!("must be <= {to}")),
                Some(_) => None,
            },
            (Text | AnyText | Label(_), _) => Some("must be string".into()),
            (Boolean, _) => Some("must be boolean".into()),
            (Count { .. }, _) => Some("must be integer".into()),
            (Object, _) => Some("must be object".into()),
        }
    }
}

/// A text property that [`check`] has seen; empty when it was left out.
pub(crate) fn text<'v>(object: &'v Map<String, Value>, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
