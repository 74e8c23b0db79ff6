//! Agents: made, changed, deleted, listed.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::Answer,
    hub::{Broadcast, Hub},
    params::{Kind, check, text},
    state::State,
};

pub(crate) fn list(hub: &Hub) -> Value {
    let state = hub.state();
    let mut agents: Vec<Value> = state
        .agents()
        .into_iter()
        .map(|agent| {
            let mut view = json!({"id": agent.id});
            if let Some(name) = agent.name {
                view["name"] = name.into();
            }
            if hub.config.version != Version::V2026_2_9 {
                view["workspace"] = agent.workspace.into();
            }
            view
        })
        .collect();
    // What sessions of unconfigured agents and deleted ones have left on the disk shows up as well.
    agents.extend(state.ghosts.iter().map(|id| json!({"id": id})));
    json!({"defaultId": "main", "mainKey": "main", "scope": "per-sender", "agents": agents})
}

pub(crate) fn create(hub: &Arc<Hub>, params: &Value) -> Answer {
    let entries = hub.config.version.has_entries();
    let params = check(
        "agents.create",
        params,
        &[
            ("name", Kind::Text, true),
            ("workspace", Kind::Text, !entries),
            ("model", Kind::AnyText, false),
            ("emoji", Kind::AnyText, false),
            ("avatar", Kind::AnyText, false),
        ],
    )?;
    let name = text(params, "name");
    let id = normalized(name);
    let workspace = expanded(text(params, "workspace"));
    let mut state = hub.state();
    if id == "main" && !entries {
        return Err(Failure::invalid("\"main\" is reserved"));
    }
    if state.agent(&id).is_some() {
        return Err(Failure::invalid(format!("agent \"{id}\" already exists")));
    }
    let mut entry =
        json!({"name": name, "workspace": workspace, "agentDir": format!("/gateway/agents/{id}")});
    if entries {
        entry["identity"] = json!({"name": name});
        state.config["agents"]["ownership"] = "explicit".into();
    }
    state.insert_agent(&id, entry);
    let seeds = hub.config.version.seeded();
    let files = seeds
        .iter()
        .map(|file| ((*file).to_owned(), format!("# {file}\n")))
        .collect();
    state.workspaces.insert(id.clone(), files);
    state
        .settled_at
        .insert(id.clone(), Instant::now() + hub.config.settle());
    changed(hub, &state);
    Ok(json!({"ok": true, "agentId": id, "name": name, "workspace": workspace}))
}

pub(crate) fn update(hub: &Arc<Hub>, params: &Value) -> Answer {
    let params = check(
        "agents.update",
        params,
        &[
            ("agentId", Kind::Text, true),
            ("name", Kind::Text, false),
            ("workspace", Kind::Text, false),
            ("model", Kind::AnyText, false),
            ("avatar", Kind::AnyText, false),
        ],
    )?;
    let id = text(params, "agentId");
    let mut state = hub.state();
    let Some(agent) = state.settled(id) else {
        return Err(missing(id));
    };
    if let Some(entry) = state.entry_mut(&agent.id) {
        for name in ["name", "model", "avatar"] {
            if let Some(value) = params.get(name) {
                entry[name] = value.clone();
            }
        }
        if params.contains_key("workspace") {
            entry["workspace"] = expanded(text(params, "workspace")).into();
        }
    }
    changed(hub, &state);
    Ok(json!({"ok": true, "agentId": agent.id}))
}

pub(crate) fn delete(hub: &Arc<Hub>, params: &Value) -> Answer {
    let params = check(
        "agents.delete",
        params,
        &[
            ("agentId", Kind::Text, true),
            ("deleteFiles", Kind::Boolean, false),
        ],
    )?;
    let id = text(params, "agentId");
    if id == "main" {
        return Err(Failure::invalid(match hub.config.version {
            Version::V2026_2_9 | Version::V2026_7_1 => "\"main\" cannot be deleted",
            Version::V2026_9_6 => {
                "Agent \"main\" owns the legacy shared auth store and cannot be deleted. Run openclaw doctor --fix to \
                 migrate shared auth, then retry."
            }
        }));
    }
    let mut state = hub.state();
    let known = if hub.config.version.has_entries() {
        state.settled(id)
    } else {
        state.agent(id)
    };
    let Some(agent) = known else {
        return Err(missing(id));
    };
    state.remove_agent(&agent.id);
    changed(hub, &state);
    let mut reply = json!({"ok": true, "agentId": agent.id, "removedBindings": 0});
    if hub.config.version.has_entries() {
        reply["removed"] = json!([]);
        reply["failed"] = json!([]);
    }
    Ok(reply)
}

fn missing(id: &str) -> Failure {
    Failure::invalid(format!("agent \"{id}\" not found"))
}

/// Tells clients of a newer gateway that the configuration moved.
fn changed(hub: &Hub, state: &State) {
    if hub.config.version.has_entries() {
        hub.tell(Broadcast::Event(
            "config.changed".into(),
            json!({"hash": state.hash()}),
        ));
    }
}

/// The id that a name becomes.
fn normalized(name: &str) -> String {
    let id: String = name
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    id.trim_matches('-').to_owned()
}

fn expanded(workspace: &str) -> String {
    match workspace.strip_prefix('~') {
        Some(rest) => format!("/home/gateway{rest}"),
        None => workspace.to_owned(),
    }
}
