//! The configuration: read whole, patched under an optimistic lock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::Answer,
    hub::{Broadcast, Hub},
    params::{Kind, check, text},
    state::State,
};

const SECTIONS: &[&str] = &[
    "gateway", "logging", "models", "agents", "update", "channels", "tools", "commands",
    "messages", "meta", "cron",
];

pub(crate) fn get(hub: &Hub) -> Value {
    let state = hub.state();
    json!({
        "path": "/gateway/openclaw.json", "exists": true, "raw": Value::Null, "parsed": state.config,
        "valid": true, "config": state.config, "hash": state.hash(),
        "issues": [], "warnings": [], "legacyIssues": [],
    })
}

pub(crate) fn patch(hub: &Arc<Hub>, params: &Value) -> Answer {
    let params = check(
        "config.patch",
        params,
        &[
            ("raw", Kind::AnyText, true),
            ("baseHash", Kind::Text, false),
            (
                "restartDelayMs",
                Kind::Count {
                    from: 0,
                    to: i64::MAX,
                },
                false,
            ),
            ("note", Kind::AnyText, false),
            ("sessionKey", Kind::AnyText, false),
        ],
    )?;
    let version = hub.config.version;
    let mut state = hub.state();
    limited(hub, &mut state)?;
    let base = params.get("baseHash").and_then(Value::as_str);
    let patch: Value = serde_json::from_str(text(params, "raw"))
        .map_err(|_| Failure::invalid("SyntaxError: JSON5: invalid end of input at 1:6"))?;
    if !patch.is_object() {
        return Err(Failure::invalid("config.patch raw must be an object"));
    }
    let mut next = state.config.clone();
    merge(version, &mut next, &patch);
    let same = next == state.config;
    match base {
        None if version.has_entries() && same => {}
        None => {
            return Err(Failure::invalid(
                "config base hash required; re-run config.get and retry",
            ));
        }
        Some(hash) if hash != state.hash() => {
            return Err(Failure::invalid(
                "config changed since last load; re-run config.get and retry",
            ));
        }
        Some(_) => {}
    }
    validate(version, &next)?;
    let restarts = !same
        && ["channels", "tools", "gateway"]
            .iter()
            .any(|section| patch.get(section).is_some());
    state.config = next;
    let reply = json!({
        "ok": true, "path": "/gateway/openclaw.json", "hash": state.hash(), "config": state.config, "noop": same,
    });
    match version {
        Version::V2026_2_9 => {
            let delay = params.get("restartDelayMs").and_then(Value::as_u64);
            hub.restart_after(delay.map_or(hub.config.restart_delay, Duration::from_millis));
        }
        Version::V2026_7_1 if restarts => hub.restart_after(Duration::ZERO),
        Version::V2026_7_1 => {}
        Version::V2026_9_6 => hub.tell(Broadcast::Event(
            "config.changed".into(),
            json!({"hash": state.hash()}),
        )),
    }
    Ok(reply)
}

/// Counts a write; refuses it beyond the version's limit, refused ones counting too.
fn limited(hub: &Hub, state: &mut State) -> Result<(), Failure> {
    let Some(limit) = hub.config.version.rate_limit() else {
        return Ok(());
    };
    let window = hub.config.rate_window;
    let now = Instant::now();
    while state
        .writes
        .front()
        .is_some_and(|at| now.duration_since(*at) >= window)
    {
        state.writes.pop_front();
    }
    if state.writes.len() < limit {
        state.writes.push_back(now);
        return Ok(());
    }
    let oldest = state.writes.front().copied().unwrap_or(now);
    let wait = window.saturating_sub(now.duration_since(oldest));
    let seconds = wait.as_secs() + 1;
    Err(Failure::unavailable(format!(
        "rate limit exceeded for config.patch; retry after {seconds}s"
    ))
    .retry_after(wait)
    .details(
        json!({"method": "config.patch", "limit": format!("{limit} per {}s", window.as_secs())}),
    ))
}

/// Merges objects and deletes on null; `agents.list` is replaced by 2026.2.9 and merged by id since.
fn merge(version: Version, into: &mut Value, patch: &Value) {
    let (Some(target), Some(source)) = (into.as_object_mut(), patch.as_object()) else {
        *into = patch.clone();
        return;
    };
    for (name, value) in source {
        match (target.get_mut(name), value) {
            (_, Value::Null) => {
                target.shift_remove(name);
            }
            (Some(Value::Array(old)), Value::Array(new))
                if name == "list" && version != Version::V2026_2_9 =>
            {
                merge_by_id(version, old, new);
            }
            (Some(old), new) if old.is_object() && new.is_object() => merge(version, old, new),
            (_, new) => {
                target.insert(name.clone(), new.clone());
            }
        }
    }
}

fn merge_by_id(version: Version, old: &mut Vec<Value>, new: &[Value]) {
    for entry in new {
        match old.iter_mut().find(|known| known["id"] == entry["id"]) {
            Some(known) => merge(version, known, entry),
            None => old.push(entry.clone()),
        }
    }
}

fn validate(version: Version, config: &Value) -> Result<(), Failure> {
    let mut issues: Vec<(String, String)> = Vec::new();
    let mut unknown = |path: &str, key: &str| {
        issues.push((path.to_owned(), format!("Unrecognized key: \"{key}\"")));
    };
    for key in config
        .as_object()
        .into_iter()
        .flat_map(|config| config.keys())
    {
        if !SECTIONS.contains(&key.as_str()) {
            unknown("", key);
        }
    }
    let agents = &config["agents"];
    if version.has_entries() {
        if agents.get("list").is_some() {
            unknown("agents", "list");
        }
        for (id, entry) in agents["entries"].as_object().into_iter().flatten() {
            if entry["heartbeat"].get("includeReasoning").is_some() {
                unknown(
                    &format!("agents.entries.{id}.heartbeat"),
                    "includeReasoning",
                );
            }
        }
        if config["channels"]["defaults"].get("heartbeat").is_some() {
            unknown("channels.defaults", "heartbeat");
        }
    } else if agents.get("entries").is_some() {
        unknown("agents", "entries");
    }
    // A list that takes the place of the old one may have nulls in it.
    for entry in agents["list"].as_array().into_iter().flatten() {
        for (name, _) in entry["heartbeat"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_null())
        {
            issues.push((
                format!("agents.list.heartbeat.{name}"),
                "Invalid input: received null".to_owned(),
            ));
        }
    }
    let Some((path, message)) = issues.first() else {
        return Ok(());
    };
    let message = match version {
        Version::V2026_2_9 | Version::V2026_7_1 => "invalid config".to_owned(),
        Version::V2026_9_6 => {
            format!(
                "invalid config: {}: {message}",
                if path.is_empty() {
                    "<root>"
                } else {
                    path.as_str()
                }
            )
        }
    };
    let issues: Vec<Value> = issues
        .iter()
        .map(|(path, message)| json!({"path": path, "message": message}))
        .collect();
    Err(Failure::invalid(message).details(json!({"issues": issues})))
}
