//! Skills of agents.

use serde_json::{Value, json};

use crate::{
    Failure, Version,
    frame::Answer,
    hub::Hub,
    params::{Kind, check, text},
};

pub(crate) fn status(hub: &Hub, params: &Value) -> Answer {
    let params = check("skills.status", params, &[("agentId", Kind::Text, false)])?;
    let state = hub.state();
    let id = match text(params, "agentId") {
        "" => "main",
        id => id,
    };
    let Some(agent) = state.settled(id) else {
        return Err(Failure::invalid(match hub.config.version {
            Version::V2026_2_9 | Version::V2026_7_1 => format!("unknown agent id \"{id}\""),
            Version::V2026_9_6 => format!("agent \"{id}\" not found"),
        }));
    };
    let skills: Vec<Value> = state
        .skills
        .get(&agent.id)
        .into_iter()
        .flatten()
        .map(|name| json!({"name": name, "skillKey": name, "disabled": false, "eligible": true}))
        .collect();
    Ok(json!({
        "workspaceDir": agent.workspace, "managedSkillsDir": "/gateway/skills", "skills": skills,
    }))
}
