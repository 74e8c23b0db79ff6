//! The agents that run on a gateway.

use std::sync::Arc;

use serde_json::{Value, json};

use super::agents;
use crate::{error::Error, gateway::Gateway};

/// Agents of one answer.
const MOST: usize = 1_000;

/// An agent that a gateway knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub key: String,
    pub name: Option<String>,
    pub workspace: Option<String>,
    pub is_configured: bool,
}

/// Every agent of the configuration, and those that the gateway lists besides: it also shows what deleted agents and
/// sessions of unknown ones have left on its disk.
pub(crate) async fn list_agents(gateway: &Arc<Gateway>) -> Result<Vec<Running>, Error> {
    let configured = agents(gateway).await?;
    let reply = gateway.call("agents.list", &json!({})).await?;
    let mut found: Vec<Running> = configured
        .all()
        .into_iter()
        .map(|(key, entry)| Running {
            key: key.to_owned(),
            name: entry.name().map(str::to_owned),
            workspace: entry.workspace().map(str::to_owned),
            is_configured: true,
        })
        .collect();
    // The default agent needs no entry to exist.
    let default = reply["defaultId"].as_str().unwrap_or_default();
    for listed in reply["agents"].as_array().into_iter().flatten() {
        let Some(key) = listed["id"].as_str() else {
            continue;
        };
        let text = |name: &str| listed[name].as_str().map(str::to_owned);
        match found
            .iter_mut()
            .find(|agent| agent.key.eq_ignore_ascii_case(key))
        {
            Some(agent) => {
                agent.name = agent.name.take().or_else(|| name_of(listed));
                agent.workspace = agent.workspace.take().or_else(|| text("workspace"));
            }
            None => found.push(Running {
                key: key.to_owned(),
                name: name_of(listed),
                workspace: text("workspace"),
                is_configured: key == default,
            }),
        }
    }
    found.truncate(MOST);
    Ok(found)
}

fn name_of(listed: &Value) -> Option<String> {
    let name = listed["name"].as_str();
    name.or_else(|| listed["identity"]["name"].as_str())
        .map(str::to_owned)
}
