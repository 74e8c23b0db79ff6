//! The pace of an agent: `{every, target, includeReasoning}` and whatever else its gateway understands.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

/// Bytes of the whole, as JSON.
const MAX_BYTES: usize = 4_096;
/// A slower beat than this is a mistake: 30 days.
const MAX_EVERY: TimeDelta = TimeDelta::days(30);
/// The pace of an agent about which nobody said anything.
const DEFAULT_EVERY: TimeDelta = TimeDelta::minutes(10);

/// What is wrong with a pace: the key and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Bad {
    pub key: &'static str,
    pub message: &'static str,
}

/// The pace of an agent about which nobody said anything.
pub(crate) fn default() -> Value {
    Value::Object(defaults())
}

fn defaults() -> Map<String, Value> {
    [
        ("every", json!("10m")),
        ("target", json!("last")),
        ("includeReasoning", json!(false)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}

/// A pace as it is stored: what was given, over the defaults.
pub(crate) fn config(given: Option<Map<String, Value>>) -> Result<Value, Bad> {
    let mut config = defaults();
    for (key, value) in given.unwrap_or_default() {
        match key.as_str() {
            "every" if value.as_str().and_then(parse).is_none() => {
                return Err(Bad {
                    key: "every",
                    message: "a number and one of ms, s, m, h, d, at most 30d: `10m`",
                });
            }
            "target" if value.as_str().is_none_or(|text| text.trim().is_empty()) => {
                return Err(Bad {
                    key: "target",
                    message: "a word such as `last` or `none`",
                });
            }
            "includeReasoning" if !value.is_boolean() => {
                return Err(Bad {
                    key: "includeReasoning",
                    message: "true or false",
                });
            }
            _ => config.insert(key, value),
        };
    }
    let config = Value::Object(config);
    let text = config.to_string();
    if text.len() > MAX_BYTES {
        return Err(Bad {
            key: "",
            message: "at most 4096 bytes",
        });
    }
    if text.contains("\\u0000") {
        return Err(Bad {
            key: "",
            message: "contains a NUL byte",
        });
    }
    Ok(config)
}

/// How often an agent with this pace wakes up; zero when it does not.
pub(crate) fn every(config: &Value) -> TimeDelta {
    config
        .get("every")
        .and_then(Value::as_str)
        .and_then(parse)
        .unwrap_or(DEFAULT_EVERY)
}

/// A duration in words such as `10m`, at most 30 days.
pub(crate) fn parse(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: i64 = number.parse().ok()?;
    let delta = match unit {
        "ms" => TimeDelta::try_milliseconds(number),
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }?;
    (delta <= MAX_EVERY).then_some(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: Value) -> Option<Map<String, Value>> {
        json.as_object().cloned()
    }

    #[test]
    fn what_is_given_goes_over_the_defaults() {
        assert_eq!(config(None).unwrap(), default());
        assert_eq!(
            config(given(json!({"every": "20s", "model": "small"}))).unwrap(),
            json!({"every": "20s", "target": "last", "includeReasoning": false, "model": "small"})
        );
    }

    #[test]
    fn nonsense_is_refused_with_its_key() {
        for (json, key) in [
            (json!({"every": "soon"}), "every"),
            (json!({"every": 10}), "every"),
            (json!({"every": "99999999999999999999d"}), "every"),
            (json!({"every": "31d"}), "every"),
            (json!({"target": " "}), "target"),
            (json!({"includeReasoning": "yes"}), "includeReasoning"),
            (json!({"x": "y".repeat(5_000)}), ""),
            (json!({"x": "\0"}), ""),
        ] {
            assert_eq!(config(given(json.clone())).unwrap_err().key, key, "{json}");
        }
    }

    #[test]
    fn a_pace_is_read_back() {
        assert_eq!(every(&json!({"every": "90s"})), TimeDelta::seconds(90));
        assert_eq!(every(&json!({"every": "0m"})), TimeDelta::zero());
        assert_eq!(every(&json!({})), DEFAULT_EVERY);
    }
}
