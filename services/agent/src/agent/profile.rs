//! The character of an agent: a flat map of words, with defaults by role.

use serde_json::{Map, Value};

use super::Role;

/// Entries of a profile.
pub(crate) const MAX_ENTRIES: usize = 30;
/// Characters of a key.
const MAX_KEY: usize = 100;
/// Characters of a value: several of them stand in one file of at most 20,000.
pub(crate) const MAX_VALUE: usize = 2_000;
/// Characters of the one value that people write at length.
pub(crate) const MAX_INSTRUCTIONS: usize = 5_000;

/// What is wrong with a profile: the key and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Bad {
    pub key: String,
    pub message: String,
}

/// A profile as it is stored: keys and values trimmed, lists joined, nulls and blanks dropped; `None` when nothing is left.
pub(crate) fn normalise(given: &Map<String, Value>) -> Result<Option<Value>, Bad> {
    let mut profile = Map::new();
    for (key, value) in given {
        let bad = |message: &str| Bad {
            key: key.clone(),
            message: message.to_owned(),
        };
        let text =
            flat(value).ok_or_else(|| bad("a text, a number, true, false or a list of these"))?;
        let (name, text) = (key.trim(), text.trim().to_owned());
        if name.is_empty() || text.is_empty() {
            continue;
        }
        if name.contains('\0') || text.contains('\0') {
            return Err(bad("contains a NUL byte"));
        }
        let max = if name == "custom_instructions" {
            MAX_INSTRUCTIONS
        } else {
            MAX_VALUE
        };
        if name.chars().count() > MAX_KEY || text.chars().count() > max {
            return Err(bad(&format!(
                "a key of at most {MAX_KEY} and a value of at most {max} characters"
            )));
        }
        profile.insert(name.to_owned(), Value::String(text));
    }
    if profile.len() > MAX_ENTRIES {
        return Err(Bad {
            key: String::new(),
            message: "at most 30 entries".to_owned(),
        });
    }
    Ok((!profile.is_empty()).then_some(Value::Object(profile)))
}

fn flat(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Array(values) => {
            let parts: Option<Vec<_>> = values.iter().map(flat).collect();
            Some(
                parts?
                    .iter()
                    .map(|part| part.trim())
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        }
        Value::Object(_) => None,
    }
}

/// The profile of the main agent of a gateway.
pub(crate) fn main() -> Value {
    serde_json::json!({"role": "Gateway Agent", "communication_style": STYLE, "emoji": ":compass:"})
}

/// The profile of a lead that nobody described.
pub(crate) fn lead() -> Map<String, Value> {
    let entries = [
        ("role", "Board Lead"),
        ("communication_style", STYLE),
        ("emoji", ":gear:"),
    ];
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect()
}

const STYLE: &str = "direct, concise, practical";

/// One entry of a profile, or what stands in for it.
pub(crate) fn entry<'a>(profile: Option<&'a Value>, key: &str, role: Role) -> &'a str {
    let given = profile
        .and_then(|profile| profile.get(key))
        .and_then(Value::as_str);
    given.unwrap_or(match (key, role) {
        ("role", Role::Main) => "Gateway Agent",
        ("role", Role::Lead) => "Board Lead",
        ("role", Role::Worker) => "Generalist",
        ("communication_style", _) => STYLE,
        ("emoji", Role::Main) => ":compass:",
        ("emoji", Role::Lead | Role::Worker) => ":gear:",
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normal(json: Value) -> Result<Option<Value>, Bad> {
        normalise(json.as_object().unwrap())
    }

    #[test]
    fn a_profile_becomes_a_flat_map_of_words() {
        assert_eq!(
            normal(json!({" role ": " Tester ", "skills": ["a", " b", null], "age": 3, "x": "  ", "y": null})).unwrap(),
            Some(json!({"role": "Tester", "skills": "a, b", "age": "3"}))
        );
        assert_eq!(normal(json!({"x": ""})).unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(normal(json!({"a": {"b": 1}})).unwrap_err().key, "a");
        assert_eq!(
            normal(json!({"a": "x".repeat(2_001)})).unwrap_err().key,
            "a"
        );
        assert_eq!(normal(json!({"a": "\0b"})).unwrap_err().key, "a");
        let many: Map<String, Value> = (0..31).map(|n| (format!("k{n}"), json!("v"))).collect();
        assert!(normalise(&many).is_err());
    }

    #[test]
    fn defaults_follow_the_role() {
        assert_eq!(entry(None, "role", Role::Lead), "Board Lead");
        assert_eq!(
            entry(Some(&json!({"role": "Writer"})), "role", Role::Worker),
            "Writer"
        );
        assert_eq!(entry(None, "purpose", Role::Worker), "");
    }
}
