//! `AgentDirectoryService`: what peers ask. Calls nobody.

use chassis::{Fault, decode};
use chrono::{DateTime, Utc};
use proto::agent::v1::{
    AgentSeen, ApplyHeartbeatRequest, ApplyHeartbeatResponse, AuthenticateAgentRequest,
    AuthenticateAgentResponse, ListBoardAgentsRequest, ListBoardAgentsResponse,
    RecordPresenceRequest, RecordPresenceResponse, ResolveAgentsRequest, ResolveAgentsResponse,
    ResolveGatewayRequest, ResolveGatewayResponse,
    agent_directory_service_server::AgentDirectoryService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Desk;
use crate::{error::Error, phase, store, wire, wire::event};

/// Agents of one presence record, and ids of one kind in one question.
const MAX_SEEN: usize = 1_000;
pub(super) const MAX_IDS: usize = 200;

#[tonic::async_trait]
impl AgentDirectoryService for Desk {
    async fn authenticate_agent(
        &self,
        request: Request<AuthenticateAgentRequest>,
    ) -> Result<Response<AuthenticateAgentResponse>, Status> {
        let agent = self.doorkeeper.admit(&request.into_inner().token).await?;
        Ok(Response::new(AuthenticateAgentResponse {
            agent: Some(wire::agent_ref(&agent)),
        }))
    }

    async fn record_presence(
        &self,
        request: Request<RecordPresenceRequest>,
    ) -> Result<Response<RecordPresenceResponse>, Status> {
        let seen = request.into_inner().seen;
        if seen.len() > MAX_SEEN {
            return Err(
                Fault::invalid("seen", "TOO_MANY", format!("at most {MAX_SEEN} agents")).into(),
            );
        }
        let calls = seen
            .iter()
            .enumerate()
            .map(|(index, seen)| call(index, seen))
            .collect::<Result<Vec<_>, _>>()?;
        self.saw(&calls).await?;
        Ok(Response::new(RecordPresenceResponse {}))
    }

    async fn resolve_agents(
        &self,
        request: Request<ResolveAgentsRequest>,
    ) -> Result<Response<ResolveAgentsResponse>, Status> {
        let request = request.into_inner();
        let board_id = decode::optional_id("board_id", request.board_id.as_deref())?;
        let ids = decode::ids("agent_ids", &request.agent_ids, MAX_IDS)?;
        let mut boards = decode::ids("board_ids", &request.board_ids, MAX_IDS)?;
        for (field, excluded) in [
            ("agent_ids", board_id.is_some() && !ids.is_empty()),
            (
                "board_ids",
                !boards.is_empty() && (board_id.is_some() || !ids.is_empty()),
            ),
        ] {
            if excluded {
                let message = "only one of board_id, agent_ids and board_ids may be given";
                return Err(Fault::invalid(field, "EXCLUDED", message).into());
            }
        }
        boards.extend(board_id);
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let agents = if boards.is_empty() {
            store::agents::list_by_ids(&mut conn, &ids).await
        } else {
            store::agents::list_by_boards(&mut conn, &boards).await
        };
        let agents = agents
            .map_err(Error::from)?
            .iter()
            .map(wire::agent_ref)
            .collect();
        Ok(Response::new(ResolveAgentsResponse { agents }))
    }

    async fn list_board_agents(
        &self,
        request: Request<ListBoardAgentsRequest>,
    ) -> Result<Response<ListBoardAgentsResponse>, Status> {
        let board_id = decode::id("board_id", &request.into_inner().board_id)?;
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let agents = store::agents::list_of_board(&mut conn, board_id)
            .await
            .map_err(Error::from)?;
        let agents = agents.iter().map(|agent| wire::agent(agent, now)).collect();
        Ok(Response::new(ListBoardAgentsResponse { agents }))
    }

    async fn apply_heartbeat(
        &self,
        request: Request<ApplyHeartbeatRequest>,
    ) -> Result<Response<ApplyHeartbeatResponse>, Status> {
        Ok(Response::new(self.set_pace(&request.into_inner()).await?))
    }

    async fn resolve_gateway(
        &self,
        request: Request<ResolveGatewayRequest>,
    ) -> Result<Response<ResolveGatewayResponse>, Status> {
        let request = request.into_inner();
        let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
        let organization_id = decode::id("organization_id", &request.organization_id)?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let found = store::agents::main_of(&mut conn, organization_id, gateway_id)
            .await
            .map_err(Error::from)?;
        let (gateway_id, main) = found.ok_or(Error::GatewayNotFound)?;
        let main_agent_id = main.map(|id| id.to_string());
        Ok(Response::new(ResolveGatewayResponse {
            gateway_id: gateway_id.to_string(),
            main_agent_id,
        }))
    }
}

fn call(index: usize, seen: &AgentSeen) -> Result<(Uuid, DateTime<Utc>), Fault> {
    let id = decode::id(&format!("seen[{index}].agent_id"), &seen.agent_id)?;
    let field = format!("seen[{index}].at");
    Ok((
        id,
        decode::required(&field, decode::time(&field, seen.at.as_ref())?)?,
    ))
}

impl Desk {
    /// Records that agents called. A call from the future counts as one of now.
    pub(super) async fn saw(&self, calls: &[(Uuid, DateTime<Utc>)]) -> Result<(), Error> {
        let now = self.clock.now();
        let (ids, at): (Vec<_>, Vec<_>) =
            calls.iter().map(|(id, at)| (*id, (*at).min(now))).unzip();
        let mut tx = self.pool.begin().await?;
        let seen = store::presence::record(&mut tx, &ids, &at).await?;
        let arrived = seen.iter().filter(|seen| {
            let agent = &seen.agent;
            let call = agent.last_seen_at.unwrap_or(now);
            seen.was_missed
                || phase::checks_in(
                    agent.phase,
                    agent.provisioned_at,
                    seen.before,
                    agent.pace(),
                    call,
                )
        });
        let events = arrived
            .map(|seen| event::agent_checked_in(&seen.agent, now))
            .collect();
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(())
    }
}
