//! The pace of an agent: `{every, target, includeReasoning}` and whatever else its gateway understands.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

/// Bytes of the whole, as JSON.
const MAX_BYTES: usize = 4_096;
/// Bytes of the keys that are to be taken off a gateway, as JSON.
const MAX_REMOVED: usize = 16_384;
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

/// The keys that are to be taken off a gateway once `after` takes the place of `before`: those that waited for it, and those
/// that are gone now; not those that are back. Sorted.
pub(crate) fn removed(waiting: &[String], before: &Value, after: &Value) -> Vec<String> {
    let ours = before.as_object().into_iter().flatten();
    let ours = ours.filter(|(_, value)| !value.is_null());
    let names: BTreeSet<&String> = waiting.iter().chain(ours.map(|(name, _)| name)).collect();
    let is_gone = |name: &&String| after.get(name.as_str()).is_none_or(Value::is_null);
    names.into_iter().filter(is_gone).cloned().collect()
}

/// Whether more keys are to be taken off a gateway than one request may name.
pub(crate) fn is_too_much(removed: &[String]) -> bool {
    json!(removed).to_string().len() > MAX_REMOVED
}

/// A pace as a gateway is told it: null is what it shall not have.
pub(crate) fn told(config: &Value, removed: &[String]) -> Value {
    let gone = removed.iter().map(|name| (name.clone(), Value::Null));
    let config = config.as_object().cloned().unwrap_or_default();
    gone.chain(config).collect()
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
    fn what_was_taken_out_waits_until_it_is_back() {
        let none = Vec::<String>::new();
        let before = json!({"every": "5m", "model": "small", "prompt": "p", "to": null});
        let after = json!({"every": "5m", "prompt": null});
        let gone = removed(&none, &before, &after);
        assert_eq!(gone, ["model", "prompt"], "a null was never on the gateway");
        assert_eq!(
            told(&after, &gone),
            json!({"every": "5m", "model": null, "prompt": null})
        );
        let back = json!({"every": "5m", "model": "large"});
        assert_eq!(removed(&gone, &after, &back), ["prompt"]);
        assert_eq!(
            told(&back, &gone),
            json!({"every": "5m", "model": "large", "prompt": null})
        );
        assert_eq!(removed(&none, &before, &before), none);
    }

    #[test]
    fn the_keys_that_wait_are_bounded() {
        let names = |count: usize| {
            (0..count)
                .map(|n| format!("key-{n:04}"))
                .collect::<Vec<_>>()
        };
        assert!(!is_too_much(&names(1_000)));
        assert!(is_too_much(&names(2_000)));
    }

    #[test]
    fn a_pace_is_read_back() {
        assert_eq!(every(&json!({"every": "90s"})), TimeDelta::seconds(90));
        assert_eq!(every(&json!({"every": "0m"})), TimeDelta::zero());
        assert_eq!(every(&json!({})), DEFAULT_EVERY);
    }
}
