//! Messages to agents, each accepted once per key.

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::Answer,
    hub::{Broadcast, Hub},
    params::{Kind, check, text},
    state::{Message, agent_of, canonical},
};

pub(crate) fn send(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "chat.send",
        params,
        &[
            ("sessionKey", Kind::Text, true),
            ("message", Kind::AnyText, true),
            ("idempotencyKey", Kind::Text, true),
            ("deliver", Kind::Boolean, false),
            ("thinking", Kind::AnyText, false),
            ("attachments", Kind::Any, false),
            (
                "timeoutMs",
                Kind::Count {
                    from: 0,
                    to: i64::MAX,
                },
                false,
            ),
        ],
    )?;
    let message = Message {
        session_key: canonical(text(params, "sessionKey")),
        text: text(params, "message").to_owned(),
        idempotency_key: text(params, "idempotencyKey").to_owned(),
        deliver: params
            .get("deliver")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
    };
    if message.text.trim().is_empty() {
        return Err(Failure::invalid("message or attachment required"));
    }
    let mut state = hub.state();
    let agent = agent_of(&message.session_key).to_owned();
    if hub.config.version != Version::V2026_2_9 && state.agent(&agent).is_none() {
        return Err(Failure::invalid(format!(
            "Agent \"{agent}\" no longer exists in configuration"
        )));
    }
    if !state.runs.insert(message.idempotency_key.clone()) {
        return Ok(json!({"runId": message.idempotency_key, "status": "ok"}));
    }
    state.session(&message.session_key);
    state.say(&message.session_key, "user", &message.text);
    state.messages.push(message.clone());
    hub.tell(Broadcast::Event(
        "chat".into(),
        json!({"runId": message.idempotency_key, "sessionKey": message.session_key, "seq": 1, "state": "final"}),
    ));
    let run = message.idempotency_key.clone();
    // Nobody may be watching.
    let _ = hub.messages.send(message);
    Ok(json!({"runId": run, "status": "started"}))
}

pub(crate) fn history(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "chat.history",
        params,
        &[
            ("sessionKey", Kind::Text, true),
            ("limit", Kind::Count { from: 1, to: 1000 }, false),
        ],
    )?;
    let key = canonical(text(params, "sessionKey"));
    let limit = params.get("limit").and_then(Value::as_u64).unwrap_or(200);
    let state = hub.state();
    let said = state
        .histories
        .get(&key)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let skip = said
        .len()
        .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    let messages: Vec<Value> = said
        .iter()
        .skip(skip)
        .map(|(role, text, at)| json!({"role": role, "content": [{"type": "text", "text": text}], "timestamp": at}))
        .collect();
    let session_id = state.sessions.get(&key).map(|session| session.id.clone());
    Ok(json!({"sessionKey": key, "sessionId": session_id, "messages": messages}))
}
