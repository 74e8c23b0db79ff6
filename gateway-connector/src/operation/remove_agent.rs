//! Making an agent cease to exist.

use std::sync::Arc;

use serde_json::json;

use super::{agents, call_settled};
use crate::{call::Failed, error::Error, gateway::Gateway, refusal::Matter};

/// Attempts at deleting an agent that comes back.
const ROUNDS: u32 = 3;

/// Deletes the agent with its files, then its session. What is gone already stays gone.
pub(crate) async fn remove_agent(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    session_key: &str,
) -> Result<(), Error> {
    delete(gateway, agent_key).await?;
    if session_key.is_empty() {
        return Ok(());
    }
    // Newer gateways never delete a main session by itself and drop it with its agent.
    let fine = [Matter::MainSession, Matter::NoSuchAgent];
    tolerant(
        gateway,
        "sessions.delete",
        &json!({"key": session_key}),
        &fine,
    )
    .await
}

/// Deletes until the configuration has no such agent: older gateways read it, change it and write it back, so that two
/// writers at once undo each other's change. Of ours there is one at a time.
async fn delete(gateway: &Arc<Gateway>, agent_key: &str) -> Result<(), Error> {
    let mut turn = gateway.configuration.turn().await;
    turn.writes(gateway.protocol().await?);
    let method = "agents.delete";
    let params = json!({"agentId": agent_key, "deleteFiles": true});
    for _ in 0..ROUNDS {
        match call_settled(gateway, agent_key, method, &params).await? {
            Err(refusal) if refusal.matter() != Matter::NoSuchAgent => {
                return Err(gateway.explain(method, &Failed::Refused(refusal)));
            }
            Ok(_) | Err(_) => {}
        }
        if agents(gateway).await?.find(agent_key).is_none() {
            return Ok(());
        }
    }
    Err(Error::Stuck)
}

async fn tolerant(
    gateway: &Arc<Gateway>,
    method: &str,
    params: &serde_json::Value,
    fine: &[Matter],
) -> Result<(), Error> {
    match gateway.attempt(method, params).await? {
        Ok(_) => Ok(()),
        Err(Failed::Refused(refusal)) if fine.contains(&refusal.matter()) => Ok(()),
        Err(failed) => Err(gateway.explain(method, &failed)),
    }
}
