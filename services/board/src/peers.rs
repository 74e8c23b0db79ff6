//! What this service asks others: who works on a board, whether a gateway will do, what approvals say. Asked before a
//! transaction begins, never inside one.

mod group;

use chassis::{BoardScope, Caller, Code, Fault, Peer, Server};
use proto::{
    agent::v1::{
        ActingUser, Agent, AgentRef, ApplyHeartbeatRequest, ApplyHeartbeatResponse,
        ListBoardAgentsRequest, ResolveAgentsRequest, ResolveGatewayRequest,
        agent_directory_service_client::AgentDirectoryServiceClient,
    },
    approval::v1::{
        CheckGateRequest, SummarizeBoardRequest, SummarizeBoardResponse,
        gate_service_client::GateServiceClient,
    },
    event::v1::ActorKind,
};
use uuid::Uuid;

use crate::{
    error::Error,
    roster::{Member, Roster},
    task::gate::Approvals,
};

/// Most bytes of an answer: 1,100 agents, or 200 approvals, with all that people write into them.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Most approvals in one summary.
const MAX_APPROVALS: i32 = 200;

/// How often agents check in.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) every: String,
    pub(crate) include_board_leads: bool,
}

/// The services that this one asks.
#[derive(Clone)]
pub(crate) struct Peers {
    agents: AgentDirectoryServiceClient<Peer>,
    gate: GateServiceClient<Peer>,
}

impl Peers {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            agents: AgentDirectoryServiceClient::new(server.peer("agent"))
                .max_decoding_message_size(LARGEST_ANSWER),
            gate: GateServiceClient::new(server.peer("approval"))
                .max_decoding_message_size(LARGEST_ANSWER),
        }
    }

    /// Who works on a board; with the agent that a request names, when it is another.
    pub(crate) async fn roster(
        &self,
        board: &BoardScope,
        named: Option<Uuid>,
    ) -> Result<Roster, Error> {
        let of_board = ResolveAgentsRequest {
            board_id: Some(board.board_id.to_string()),
            ..ResolveAgentsRequest::default()
        };
        let members = self.resolve(of_board, board.organization_id).await?;
        let mut roster = Roster {
            members,
            stranger: None,
        };
        if let Some(id) = named.filter(|id| roster.find(*id).is_none()) {
            let by_id = ResolveAgentsRequest {
                agent_ids: vec![id.to_string()],
                ..ResolveAgentsRequest::default()
            };
            roster.stranger = self.resolve(by_id, board.organization_id).await?.pop();
        }
        Ok(roster)
    }

    /// Whether some agent of a board lives on another gateway than this one.
    pub(crate) async fn has_agents_off(
        &self,
        board: &BoardScope,
        gateway_id: Uuid,
    ) -> Result<bool, Error> {
        let of_board = ResolveAgentsRequest {
            board_id: Some(board.board_id.to_string()),
            ..ResolveAgentsRequest::default()
        };
        let gateway_id = gateway_id.to_string();
        let agents = self.references(of_board).await?;
        Ok(agents.iter().any(|agent| agent.gateway_id != gateway_id))
    }

    /// Every agent of a board as people see them, newest first.
    pub(crate) async fn agents(&self, board_id: Uuid) -> Result<Vec<Agent>, Error> {
        let request = ListBoardAgentsRequest {
            board_id: board_id.to_string(),
        };
        let mut agents = self.agents.clone();
        let answer = agents.list_board_agents(request).await;
        Ok(answer.map_err(unexpected)?.into_inner().agents)
    }

    /// The newest approvals of a board, and how many there are.
    pub(crate) async fn summary(&self, board_id: Uuid) -> Result<SummarizeBoardResponse, Error> {
        let request = SummarizeBoardRequest {
            board_id: board_id.to_string(),
            limit: MAX_APPROVALS,
        };
        let mut gate = self.gate.clone();
        let answer = gate.summarize_board(request).await;
        Ok(answer.map_err(unexpected)?.into_inner())
    }

    /// Sets the pace of the agents of some boards on behalf of a caller. Without boards nobody is asked.
    pub(crate) async fn apply_heartbeat(
        &self,
        organization_id: Uuid,
        boards: &[Uuid],
        pace: Pace,
        caller: &Caller,
    ) -> Result<ApplyHeartbeatResponse, Error> {
        if boards.is_empty() {
            return Ok(ApplyHeartbeatResponse::default());
        }
        let request = ApplyHeartbeatRequest {
            organization_id: organization_id.to_string(),
            board_ids: boards.iter().map(ToString::to_string).collect(),
            every: pace.every,
            include_board_leads: pace.include_board_leads,
            requested_by: Some(acting(caller)),
        };
        let mut agents = self.agents.clone();
        let answer = agents.apply_heartbeat(request).await;
        Ok(answer.map_err(unexpected)?.into_inner())
    }

    async fn references(&self, request: ResolveAgentsRequest) -> Result<Vec<AgentRef>, Error> {
        let mut agents = self.agents.clone();
        let answer = agents.resolve_agents(request).await;
        Ok(answer.map_err(unexpected)?.into_inner().agents)
    }

    /// Agents outside of the organization do not exist for it.
    async fn resolve(
        &self,
        request: ResolveAgentsRequest,
        organization_id: Uuid,
    ) -> Result<Vec<Member>, Error> {
        let members = self
            .references(request)
            .await?
            .iter()
            .map(member)
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::Peer)?;
        Ok(members
            .into_iter()
            .filter(|member| member.organization_id == organization_id)
            .collect())
    }

    /// What approvals say about one cycle of a task.
    pub(crate) async fn approvals(
        &self,
        board_id: Uuid,
        task_id: Uuid,
        cycle: i32,
    ) -> Result<Approvals, Error> {
        let request = CheckGateRequest {
            board_id: board_id.to_string(),
            task_id: task_id.to_string(),
            cycle,
        };
        let answer = self
            .gate
            .clone()
            .check_gate(request)
            .await
            .map_err(unexpected)?
            .into_inner();
        let pending = chassis::decode::optional_id(
            "pending_approval_id",
            answer.pending_approval_id.as_deref(),
        );
        Ok(Approvals {
            approved: answer.approved,
            pending: pending.map_err(Error::Peer)?,
        })
    }

    /// Judges whether a board may live on a gateway: it is the organization's and has its main agent.
    pub(crate) async fn judge_gateway(
        &self,
        organization_id: Uuid,
        gateway_id: Uuid,
    ) -> Result<(), Error> {
        let request = ResolveGatewayRequest {
            gateway_id: gateway_id.to_string(),
            organization_id: organization_id.to_string(),
        };
        let answer = self
            .agents
            .clone()
            .resolve_gateway(request)
            .await
            .map_err(|status| {
                let fault = chassis::fault::read(&status);
                if fault.code == Code::NotFound {
                    Error::GatewayInvalid
                } else {
                    Error::Peer(fault)
                }
            })?;
        answer
            .into_inner()
            .main_agent_id
            .map(drop)
            .ok_or(Error::GatewayMainAgentRequired)
    }
}

fn member(agent: &AgentRef) -> Result<Member, Fault> {
    Ok(Member {
        id: chassis::decode::id("id", &agent.id)?,
        organization_id: chassis::decode::id("organization_id", &agent.organization_id)?,
        board_id: chassis::decode::optional_id("board_id", agent.board_id.as_deref())?,
        name: agent.name.clone(),
        is_lead: agent.is_board_lead,
    })
}

/// The caller as a peer that acts for it is told.
fn acting(caller: &Caller) -> ActingUser {
    let actor = caller.event_actor();
    let kind = match actor.kind() {
        ActorKind::User => "user",
        ActorKind::Agent => "agent",
        ActorKind::System | ActorKind::Unspecified => "system",
    };
    ActingUser {
        kind: kind.to_owned(),
        id: actor.id.unwrap_or_default(),
        name: actor.name,
    }
}

fn unexpected(status: tonic::Status) -> Error {
    Error::Peer(chassis::fault::read(&status))
}
