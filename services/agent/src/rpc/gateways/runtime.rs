//! The agents that run on a gateway.

use std::collections::HashMap;

use proto::agent::v1::RuntimeAgent;
use uuid::Uuid;

use super::{Desk, within};
use crate::{error::Error, gateway::Gateway, store};

impl Desk {
    /// Whatever runs there, with the agent of ours that each is. Gateways tell ids apart regardless of case.
    pub(super) async fn runtime_agents(
        &self,
        gateway: &Gateway,
    ) -> Result<Vec<RuntimeAgent>, Error> {
        let running = within(self.connector.list_agents(gateway)).await?;
        let mut conn = self.pool.acquire().await?;
        let ours: HashMap<String, Uuid> = store::gateways::list_agents(&mut conn, gateway.id)
            .await?
            .into_iter()
            .filter(|agent| agent.leaving_at.is_none())
            .map(|agent| (agent.key().to_lowercase(), agent.id))
            .collect();
        let known = |key: &str| ours.get(&key.to_lowercase()).map(Uuid::to_string);
        Ok(running
            .into_iter()
            .map(|agent| RuntimeAgent {
                agent_id: known(&agent.agent_key),
                id: agent.agent_key,
                name: agent.name,
                workspace: agent.workspace,
                is_configured: agent.is_configured,
            })
            .collect())
    }
}
