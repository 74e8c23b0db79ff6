//! Stand-ins for the services that this one asks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chassis::Fault;
use proto::{
    agent::v1::{
        Agent, AgentRef, ApplyHeartbeatRequest, ApplyHeartbeatResponse, AuthenticateAgentRequest,
        AuthenticateAgentResponse, ListBoardAgentsRequest, ListBoardAgentsResponse,
        RecordPresenceRequest, RecordPresenceResponse, ResolveAgentsRequest, ResolveAgentsResponse,
        ResolveGatewayRequest, ResolveGatewayResponse,
        agent_directory_service_server::AgentDirectoryService,
    },
    approval::v1::{
        Approval, CheckGateRequest, CheckGateResponse, SummarizeBoardRequest,
        SummarizeBoardResponse, TaskApprovalCounts, gate_service_server::GateService,
    },
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::callers::{BARE_GATEWAY, GATEWAY, ORGANIZATION, OTHER_GATEWAY};

/// The agent directory, with the agents that a test puts into it.
#[derive(Clone, Default)]
pub(crate) struct Agents {
    known: Arc<Mutex<Vec<AgentRef>>>,
    asked: Arc<Mutex<usize>>,
    paces: Arc<Mutex<Vec<ApplyHeartbeatRequest>>>,
}

impl Agents {
    pub(crate) fn add(&self, id: Uuid, name: &str, board_id: Option<Uuid>, is_board_lead: bool) {
        self.add_to(ORGANIZATION, id, name, board_id, is_board_lead);
    }

    pub(crate) fn add_to(
        &self,
        organization: Uuid,
        id: Uuid,
        name: &str,
        board_id: Option<Uuid>,
        is_board_lead: bool,
    ) {
        self.known.lock().unwrap().push(AgentRef {
            id: id.to_string(),
            organization_id: organization.to_string(),
            gateway_id: GATEWAY.to_string(),
            board_id: board_id.map(|id| id.to_string()),
            name: name.to_owned(),
            is_board_lead,
        });
    }

    pub(crate) fn remove(&self, id: Uuid) {
        self.known
            .lock()
            .unwrap()
            .retain(|agent| agent.id != id.to_string());
    }

    /// Moves an agent to another gateway.
    pub(crate) fn move_to(&self, id: Uuid, gateway_id: Uuid) {
        for agent in self.known.lock().unwrap().iter_mut() {
            if agent.id == id.to_string() {
                agent.gateway_id = gateway_id.to_string();
            }
        }
    }

    /// The paces that were asked for.
    pub(crate) fn paces(&self) -> Vec<ApplyHeartbeatRequest> {
        self.paces.lock().unwrap().clone()
    }

    /// How often somebody asked who works where.
    pub(crate) fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

#[tonic::async_trait]
impl AgentDirectoryService for Agents {
    async fn authenticate_agent(
        &self,
        _: Request<AuthenticateAgentRequest>,
    ) -> Result<Response<AuthenticateAgentResponse>, Status> {
        Err(Status::unimplemented(
            "the board service does not authenticate",
        ))
    }

    async fn record_presence(
        &self,
        _: Request<RecordPresenceRequest>,
    ) -> Result<Response<RecordPresenceResponse>, Status> {
        Err(Status::unimplemented(
            "the board service records no presence",
        ))
    }

    async fn resolve_agents(
        &self,
        request: Request<ResolveAgentsRequest>,
    ) -> Result<Response<ResolveAgentsResponse>, Status> {
        *self.asked.lock().unwrap() += 1;
        let request = request.into_inner();
        let meant = |agent: &&AgentRef| match &request.board_id {
            Some(_) => agent.board_id == request.board_id,
            None => {
                request.agent_ids.contains(&agent.id)
                    || agent
                        .board_id
                        .as_ref()
                        .is_some_and(|id| request.board_ids.contains(id))
            }
        };
        let agents = self
            .known
            .lock()
            .unwrap()
            .iter()
            .filter(meant)
            .cloned()
            .collect();
        Ok(Response::new(ResolveAgentsResponse { agents }))
    }

    async fn list_board_agents(
        &self,
        request: Request<ListBoardAgentsRequest>,
    ) -> Result<Response<ListBoardAgentsResponse>, Status> {
        let board_id = Some(request.into_inner().board_id);
        let known = self.known.lock().unwrap();
        let agents = known
            .iter()
            .filter(|agent| agent.board_id == board_id)
            .map(|agent| Agent {
                id: agent.id.clone(),
                board_id: agent.board_id.clone(),
                name: agent.name.clone(),
                is_board_lead: agent.is_board_lead,
                ..Agent::default()
            })
            .collect();
        Ok(Response::new(ListBoardAgentsResponse { agents }))
    }

    /// Workers called Bob have the pace already, the others get it.
    async fn apply_heartbeat(
        &self,
        request: Request<ApplyHeartbeatRequest>,
    ) -> Result<Response<ApplyHeartbeatResponse>, Status> {
        let request = request.into_inner();
        let mut answer = ApplyHeartbeatResponse::default();
        for agent in self.known.lock().unwrap().iter() {
            let is_meant = agent
                .board_id
                .as_ref()
                .is_some_and(|id| request.board_ids.contains(id));
            if !is_meant || agent.is_board_lead && !request.include_board_leads {
                continue;
            }
            let list = if agent.name == "Bob" {
                &mut answer.unchanged_agent_ids
            } else {
                &mut answer.updated_agent_ids
            };
            list.push(agent.id.clone());
        }
        self.paces.lock().unwrap().push(request);
        Ok(Response::new(answer))
    }

    async fn resolve_gateway(
        &self,
        request: Request<ResolveGatewayRequest>,
    ) -> Result<Response<ResolveGatewayResponse>, Status> {
        let ResolveGatewayRequest {
            gateway_id,
            organization_id,
        } = request.into_inner();
        let known = [GATEWAY, OTHER_GATEWAY, BARE_GATEWAY]
            .iter()
            .any(|id| id.to_string() == gateway_id);
        if !known || organization_id != ORGANIZATION.to_string() {
            return Err(Fault::not_found("GATEWAY_NOT_FOUND", "no such gateway").into());
        }
        let main_agent_id =
            (gateway_id != BARE_GATEWAY.to_string()).then(|| Uuid::from_u128(0x60).to_string());
        Ok(Response::new(ResolveGatewayResponse {
            gateway_id,
            main_agent_id,
        }))
    }
}

/// The gate of approvals, with the answers that a test puts into it.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    answers: Arc<Mutex<HashMap<(String, i32), CheckGateResponse>>>,
    summary: Arc<Mutex<SummarizeBoardResponse>>,
    away: Arc<Mutex<bool>>,
}

impl Gate {
    pub(crate) fn approve(&self, task_id: &str, cycle: i32) {
        self.answer(
            task_id,
            cycle,
            CheckGateResponse {
                approved: true,
                pending_approval_id: None,
            },
        );
    }

    pub(crate) fn pend(&self, task_id: &str, cycle: i32, approval_id: Uuid) {
        let pending_approval_id = Some(approval_id.to_string());
        self.answer(
            task_id,
            cycle,
            CheckGateResponse {
                approved: false,
                pending_approval_id,
            },
        );
    }

    /// A pending approval in the summary of every board, linked to a task.
    pub(crate) fn summarize(&self, task_id: &str, approvals: i32, pending: i32) {
        let mut summary = self.summary.lock().unwrap();
        summary.approvals.push(Approval {
            task_id: Some(task_id.to_owned()),
            ..Approval::default()
        });
        summary.pending_count += pending;
        summary.tasks.push(TaskApprovalCounts {
            task_id: task_id.to_owned(),
            approvals_count: approvals,
            approvals_pending_count: pending,
        });
    }

    fn answer(&self, task_id: &str, cycle: i32, answer: CheckGateResponse) {
        self.answers
            .lock()
            .unwrap()
            .insert((task_id.to_owned(), cycle), answer);
    }

    pub(crate) fn go_away(&self) {
        *self.away.lock().unwrap() = true;
    }
}

#[tonic::async_trait]
impl GateService for Gate {
    async fn check_gate(
        &self,
        request: Request<CheckGateRequest>,
    ) -> Result<Response<CheckGateResponse>, Status> {
        if *self.away.lock().unwrap() {
            return Err(Fault::unavailable("PEER_UNAVAILABLE", "gone").into());
        }
        let CheckGateRequest { task_id, cycle, .. } = request.into_inner();
        let answer = self.answers.lock().unwrap().get(&(task_id, cycle)).cloned();
        Ok(Response::new(answer.unwrap_or_default()))
    }

    async fn summarize_board(
        &self,
        _: Request<SummarizeBoardRequest>,
    ) -> Result<Response<SummarizeBoardResponse>, Status> {
        if *self.away.lock().unwrap() {
            return Err(Fault::unavailable("PEER_UNAVAILABLE", "gone").into());
        }
        Ok(Response::new(self.summary.lock().unwrap().clone()))
    }
}
