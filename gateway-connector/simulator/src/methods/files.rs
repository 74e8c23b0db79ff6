//! Workspace files: the few names that a version takes, and no others.

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::{Answer, now_ms},
    hub::Hub,
    params::{Kind, check, text},
    state::{Agent, State},
};

pub(crate) fn list(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "agents.files.list",
        params,
        &[("agentId", Kind::Text, true)],
    )?;
    let state = hub.state();
    let agent = known(&state, text(params, "agentId"))?;
    let files: Vec<Value> = hub
        .config
        .version
        .files()
        .iter()
        .map(|name| view(&state, &agent, name))
        .collect();
    Ok(json!({"agentId": agent.id, "workspace": agent.workspace, "files": files}))
}

pub(crate) fn get(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "agents.files.get",
        params,
        &[("agentId", Kind::Text, true), ("name", Kind::Text, true)],
    )?;
    let state = hub.state();
    let agent = known(&state, text(params, "agentId"))?;
    let name = supported(hub.config.version, text(params, "name"))?;
    let mut file = view(&state, &agent, name);
    if let Some(content) = state
        .workspaces
        .get(&agent.id)
        .and_then(|files| files.get(name))
    {
        file["content"] = content.clone().into();
    }
    Ok(json!({"agentId": agent.id, "workspace": agent.workspace, "file": file}))
}

pub(crate) fn set(hub: &Hub, params: &Value) -> Answer {
    let params = check(
        "agents.files.set",
        params,
        &[
            ("agentId", Kind::Text, true),
            ("name", Kind::Text, true),
            ("content", Kind::AnyText, true),
        ],
    )?;
    let mut state = hub.state();
    let agent = known(&state, text(params, "agentId"))?;
    let name = supported(hub.config.version, text(params, "name"))?;
    let content = text(params, "content").to_owned();
    state
        .workspaces
        .entry(agent.id.clone())
        .or_default()
        .insert(name.to_owned(), content);
    let file = view(&state, &agent, name);
    Ok(json!({"ok": true, "agentId": agent.id, "workspace": agent.workspace, "file": file}))
}

fn known(state: &State, id: &str) -> Result<Agent, Failure> {
    state.settled(id).ok_or_else(|| {
        Failure::invalid(match state.version {
            Version::V2026_2_9 | Version::V2026_7_1 => "unknown agent id".to_owned(),
            Version::V2026_9_6 => format!("agent \"{id}\" not found"),
        })
    })
}

fn supported(version: Version, name: &str) -> Result<&'static str, Failure> {
    let found = version.files().iter().find(|file| **file == name);
    found
        .copied()
        .ok_or_else(|| Failure::invalid(format!("unsupported file \"{name}\"")))
}

fn view(state: &State, agent: &Agent, name: &str) -> Value {
    let workspace = agent.workspace.as_deref().unwrap_or("/gateway/main");
    let path = format!("{workspace}/{name}");
    match state
        .workspaces
        .get(&agent.id)
        .and_then(|files| files.get(name))
    {
        Some(content) => json!({
            "name": name, "path": path, "missing": false, "size": content.len(), "updatedAtMs": now_ms(),
        }),
        None => json!({"name": name, "path": path, "missing": true}),
    }
}
