//! The skills that an agent has.

use std::sync::Arc;

use serde_json::json;

use super::call_agent;
use crate::{error::Error, gateway::Gateway};

/// Skills of one answer.
const MOST: usize = 1_000;

/// Names of the agent's skills, whether they are ready for use or still lack something.
pub(crate) async fn list_skills(
    gateway: &Arc<Gateway>,
    agent_key: &str,
) -> Result<Vec<String>, Error> {
    let params = json!({"agentId": agent_key});
    let reply = call_agent(gateway, agent_key, "skills.status", &params).await?;
    let skills = reply["skills"]
        .as_array()
        .ok_or_else(|| Error::Incompatible("its skills cannot be read".into()))?;
    let names = skills.iter().filter_map(|skill| skill["name"].as_str());
    Ok(names.take(MOST).map(str::to_owned).collect())
}
