//! Health, status, and the beats of agents.

use serde_json::{Value, json};

use crate::{
    Failure,
    frame::{Answer, now_ms},
    hub::Hub,
    params::{Kind, check, text},
};

pub(crate) fn health(hub: &Hub) -> Value {
    let agents: Vec<Value> = hub
        .state()
        .agents()
        .iter()
        .map(|agent| json!({"agentId": agent.id}))
        .collect();
    json!({"ok": true, "ts": now_ms(), "durationMs": 0, "defaultAgentId": "main", "agents": agents})
}

pub(crate) fn status(hub: &Hub) -> Value {
    let state = hub.state();
    json!({"heartbeat": {"defaultAgentId": "main"}, "sessions": {"count": state.sessions.len()}})
}

/// Every agent with a heartbeat has a job on 2026.9.6; older gateways keep none.
pub(crate) fn cron_list(hub: &Hub) -> Value {
    let state = hub.state();
    if !hub.config.version.has_entries() {
        return json!({"jobs": []});
    }
    let jobs: Vec<Value> = state
        .agents()
        .iter()
        .filter(|agent| agent.heartbeat.is_some())
        .map(|agent| {
            json!({
                "id": format!("job-{}", agent.id), "declarationKey": format!("heartbeat:{}", agent.id),
                "agentId": agent.id, "name": format!("heartbeat-{}", agent.id), "enabled": true,
                "payload": {"kind": "heartbeat"},
            })
        })
        .collect();
    json!({"jobs": jobs})
}

pub(crate) fn cron_scratch_set(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "cron.scratch.set",
        params,
        &[
            ("id", Kind::Text, true),
            ("content", Kind::AnyText, true),
            (
                "expectedRevision",
                Kind::Count {
                    from: 0,
                    to: i64::MAX,
                },
                false,
            ),
        ],
    )?;
    let mut state = hub.state();
    let agent = text(params, "id")
        .strip_prefix("job-")
        .and_then(|id| state.agent(id));
    let Some(agent) = agent.filter(|agent| agent.heartbeat.is_some()) else {
        return Err(Failure::invalid("unknown cron job id"));
    };
    let (content, revision) = state.scratches.entry(agent.id).or_default();
    let expected = params.get("expectedRevision").and_then(Value::as_u64);
    if expected.is_some_and(|expected| expected != *revision) {
        return Ok(
            json!({"ok": false, "reason": "revision-conflict", "currentRevision": *revision}),
        );
    }
    *revision += 1;
    text(params, "content").clone_into(content);
    Ok(json!({
        "ok": true, "scratch": {"content": content, "revision": *revision, "updatedAtMs": now_ms()},
        "currentRevision": *revision,
    }))
}
