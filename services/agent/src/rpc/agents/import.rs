//! Agents that were on a gateway before Mission Control knew them.

use chassis::{Caller, Fault, decode};
use proto::{agent::v1::ImportAgentRequest, gateway::v1::RunningAgent};
use uuid::Uuid;

use crate::{
    agent::{Agent, Runtime, Wake, heartbeat},
    departure,
    error::Error,
    gateway::Gateway,
    job::Wish,
    phase::Phase,
    rpc::{
        Desk,
        gateways::{person, within},
        input, organization,
    },
    store,
    wire::event,
};

/// Characters of an agent's id on its gateway, and of a path there that is kept.
const RUNTIME_ID: usize = 64;
const WORKSPACE: usize = 1_000;

impl Desk {
    pub(super) async fn import(
        &self,
        caller: &Caller,
        request: &ImportAgentRequest,
    ) -> Result<Agent, Error> {
        let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
        let runtime_id = input::line("runtime_agent_id", &request.runtime_agent_id, RUNTIME_ID)?;
        let name = request.name.as_deref().map(input::agent_name).transpose()?;
        let gateway = self.import_gateway(caller, gateway_id).await?;
        let (board, scope) = self.writable_board(caller, &request.board_id).await?;
        if scope.gateway_id != Some(gateway.id) {
            let message = "the board's agents live on another gateway";
            return Err(Fault::rejected("OTHER_GATEWAY", "board_id", message).into());
        }
        let running = within(self.connector.list_agents(&gateway)).await?;
        let running = running
            .into_iter()
            .find(|running| running.agent_key.eq_ignore_ascii_case(&runtime_id))
            .ok_or_else(|| {
                Fault::not_found(
                    "RUNTIME_AGENT_NOT_FOUND",
                    "no such agent runs on the gateway",
                )
            })?;
        let board_id = decode::id("board_id", &board.id)?;
        let agent = self.imported(&gateway, board_id, running, name)?;
        self.insert_imported(caller, &agent).await?;
        Ok(agent)
    }

    async fn import_gateway(&self, caller: &Caller, id: Uuid) -> Result<Gateway, Error> {
        let organization_id = organization(caller)?;
        let mut conn = self.pool.acquire().await?;
        store::gateways::find(&mut conn, id)
            .await?
            .filter(|gateway| gateway.organization_id == organization_id)
            .filter(|gateway| gateway.leaving_at.is_none())
            .ok_or(Error::GatewayNotFound)
    }

    fn imported(
        &self,
        gateway: &Gateway,
        board_id: Uuid,
        running: RunningAgent,
        name: Option<String>,
    ) -> Result<Agent, Error> {
        let now = self.clock.now();
        // What a gateway calls its agents need not be a name here.
        let own_name = || {
            let own = running.name.as_deref().unwrap_or_default();
            input::agent_name(own).or_else(|_| input::agent_name(&running.agent_key))
        };
        let name = name.map_or_else(own_name, Ok)?;
        let workspace = running.workspace.clone().unwrap_or_default();
        Ok(Agent {
            id: Uuid::now_v7(),
            organization_id: gateway.organization_id,
            gateway_id: gateway.id,
            board_id: Some(board_id),
            name,
            is_board_lead: false,
            phase: Phase::Pending,
            last_error: None,
            heartbeat_config: heartbeat::default(),
            heartbeat_removed: Vec::new(),
            identity_profile: None,
            identity_template: None,
            soul_template: None,
            last_seen_at: None,
            provisioned_at: None,
            wake: Wake::default(),
            runtime: Some(Runtime {
                key: running.agent_key,
                workspace: workspace
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(WORKSPACE)
                    .collect(),
            }),
            leaving_at: None,
            created_at: now,
            updated_at: now,
        })
    }

    async fn insert_imported(&self, caller: &Caller, agent: &Agent) -> Result<(), Error> {
        let (now, by) = (agent.created_at, person(caller));
        let mut tx = self.pool.begin().await?;
        let whereabouts: Vec<Uuid> = agent
            .board_id
            .into_iter()
            .chain([agent.organization_id])
            .collect();
        if departure::is_any_gone(&mut tx, &whereabouts).await? {
            return Err(Error::BoardNotFound);
        }
        if !store::gateways::is_staying(&mut tx, agent.gateway_id).await? {
            return Err(Error::GatewayNotFound);
        }
        if store::agents::exists_with_key(&mut tx, agent.gateway_id, &agent.key()).await? {
            return Err(Error::AgentImportedAlready);
        }
        store::agents::insert(&mut tx, agent).await?;
        let agents = std::slice::from_ref(agent);
        self.planner
            .plan(&mut tx, agents, Wish::default(), by.as_ref(), now)
            .await?;
        let told = event::agent_created(caller.event_actor(), agent, now);
        bus::outbox::append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(())
    }
}
