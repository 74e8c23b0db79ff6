//! Sessions: made by being patched or reset.

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::{Answer, now_ms},
    hub::Hub,
    params::{Kind, check, text},
    state::{agent_of, canonical},
};

/// Sessions that newer gateways answer at once when nothing else is asked for.
const PAGE: usize = 100;

pub(crate) fn list(hub: &Hub, params: &Value) -> Answer {
    let pages = hub.config.version != Version::V2026_2_9;
    let count = |from| Kind::Count { from, to: 100_000 };
    let mut known = vec![
        ("limit", count(1), false),
        ("activeMinutes", count(1), false),
        ("agentId", Kind::Text, false),
        ("search", Kind::AnyText, false),
        ("label", Kind::Text, false),
        ("includeGlobal", Kind::Boolean, false),
        ("includeUnknown", Kind::Boolean, false),
    ];
    if pages {
        known.push(("offset", count(0), false));
    }
    let params = check("sessions.list", params, &known)?;
    let number = |name: &str| {
        let number = params.get(name).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok())
    };
    let state = hub.state();
    let (agent, search) = (text(params, "agentId"), text(params, "search"));
    let matching: Vec<Value> = state
        .sessions
        .values()
        .filter(|session| agent.is_empty() || agent_of(&session.key) == agent)
        .filter(|session| {
            let label = session.label.as_deref().unwrap_or_default();
            session.key.contains(search) || label.contains(search)
        })
        .map(|session| {
            json!({"key": session.key, "kind": "direct", "label": session.label, "sessionId": session.id})
        })
        .collect();
    let total = matching.len();
    let limit = number("limit").unwrap_or(if pages { PAGE } else { usize::MAX });
    let offset = number("offset").unwrap_or_default();
    let sessions: Vec<Value> = matching.into_iter().skip(offset).take(limit).collect();
    let mut reply = json!({
        "ts": now_ms(), "path": "(multiple)", "count": sessions.len(), "defaults": {}, "sessions": sessions,
    });
    if pages {
        let next = offset + sessions.len();
        reply["totalCount"] = total.into();
        reply["limitApplied"] = limit.into();
        reply["hasMore"] = (next < total).into();
        reply["nextOffset"] = (next < total).then_some(next).into();
    }
    Ok(reply)
}

pub(crate) fn patch(hub: &Hub, params: &Value) -> Answer {
    let version = hub.config.version;
    let params = check(
        "sessions.patch",
        params,
        &[
            ("key", Kind::Text, true),
            ("label", Kind::Label(version.label_max()), false),
            ("model", Kind::Any, false),
            ("thinkingLevel", Kind::Any, false),
        ],
    )?;
    let key = canonical(text(params, "key"));
    let mut state = hub.state();
    if let Some(label) = params.get("label").and_then(Value::as_str) {
        let taken = state.sessions.values().any(|other| {
            other.key != key
                && agent_of(&other.key) == agent_of(&key)
                && other.label.as_deref() == Some(label)
        });
        if taken {
            return Err(Failure::invalid(format!("label already in use: {label}")));
        }
    }
    let session = state.session(&key);
    if let Some(label) = params.get("label") {
        session.label = label.as_str().map(str::to_owned);
    }
    let entry = json!({"sessionId": session.id, "updatedAt": now_ms(), "label": session.label});
    Ok(json!({
        "ok": true, "path": "/gateway/sessions.json", "key": key, "entry": entry,
        "resolved": {"modelProvider": "none", "model": "none"},
    }))
}

pub(crate) fn reset(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "sessions.reset",
        params,
        &[("key", Kind::Text, true), ("reason", Kind::AnyText, false)],
    )?;
    let key = canonical(text(params, "key"));
    let version = hub.config.version;
    let mut state = hub.state();
    state.histories.remove(&key);
    if version == Version::V2026_9_6 {
        state.say(&key, "system", "Reset");
    }
    let session = state.session(&key);
    if version != Version::V2026_9_6 {
        session.id = uuid::Uuid::new_v4().to_string();
    }
    Ok(json!({"ok": true, "key": key, "entry": {"sessionId": session.id, "updatedAt": now_ms()}}))
}

pub(crate) fn delete(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "sessions.delete",
        params,
        &[
            ("key", Kind::Text, true),
            ("deleteTranscript", Kind::Boolean, false),
        ],
    )?;
    let key = canonical(text(params, "key"));
    let every_main = hub.config.version == Version::V2026_9_6 && key.ends_with(":main");
    if key == "agent:main:main" || every_main {
        return Err(Failure::invalid(format!(
            "Cannot delete the main session ({key})."
        )));
    }
    let mut state = hub.state();
    state.histories.remove(&key);
    let deleted = state.sessions.remove(&key).is_some();
    Ok(json!({"ok": true, "key": key, "deleted": deleted, "archived": []}))
}
