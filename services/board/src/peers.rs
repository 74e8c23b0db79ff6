//! What this service asks others: who works on a board, whether a gateway will do, what approvals say. Asked before a
//! transaction begins, never inside one.

use chassis::{BoardScope, Code, Fault, Peer, Server};
use proto::{
    agent::v1::{
        AgentRef, ResolveAgentsRequest, ResolveGatewayRequest,
        agent_directory_service_client::AgentDirectoryServiceClient,
    },
    approval::v1::{CheckGateRequest, gate_service_client::GateServiceClient},
};
use uuid::Uuid;

use crate::{
    error::Error,
    roster::{Member, Roster},
    task::gate::Approvals,
};

/// The services that this one asks.
#[derive(Clone)]
pub(crate) struct Peers {
    agents: AgentDirectoryServiceClient<Peer>,
    gate: GateServiceClient<Peer>,
}

impl Peers {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            agents: AgentDirectoryServiceClient::new(server.peer("agent")),
            gate: GateServiceClient::new(server.peer("approval")),
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

    /// Agents outside of the organization do not exist for it.
    async fn resolve(
        &self,
        request: ResolveAgentsRequest,
        organization_id: Uuid,
    ) -> Result<Vec<Member>, Error> {
        let answer = self
            .agents
            .clone()
            .resolve_agents(request)
            .await
            .map_err(unexpected)?
            .into_inner();
        let members = answer
            .agents
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

fn unexpected(status: tonic::Status) -> Error {
    Error::Peer(chassis::fault::read(&status))
}
