//! `AgentService`.

mod alive;
mod change;
mod create;
mod import;
mod jobs;
mod leave;
mod renew;

use chassis::{Caller, Cursor, caller, decode};
use proto::agent::v1::{
    self as message, CheckHealthRequest, CheckHealthResponse, CreateAgentRequest,
    CreateAgentResponse, DeleteAgentRequest, DeleteAgentResponse, GetAgentRequest,
    GetAgentResponse, HeartbeatAgentRequest, HeartbeatAgentResponse, HeartbeatRequest,
    HeartbeatResponse, ImportAgentRequest, ImportAgentResponse, ListAgentJobsRequest,
    ListAgentJobsResponse, ListAgentsRequest, ListAgentsResponse, RegisterHeartbeatRequest,
    RegisterHeartbeatResponse, RetryAgentRequest, RetryAgentResponse, RotateAgentTokenRequest,
    RotateAgentTokenResponse, UnlinkAgentRequest, UnlinkAgentResponse, UpdateAgentRequest,
    UpdateAgentResponse, WakeAgentRequest, WakeAgentResponse, agent_service_server::AgentService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Desk, Paging, organization};
use crate::{
    agent::Agent,
    error::Error,
    phase::Status as Presence,
    store::{self, agents::Filter},
    wire,
};

#[tonic::async_trait]
impl AgentService for Desk {
    async fn list_agents(
        &self,
        request: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let filter = self.filter(&caller, &request).await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let mut rows = store::agents::list(&mut conn, filter, &page.beyond())
            .await
            .map_err(Error::from)?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, |last| Cursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(Response::new(ListAgentsResponse {
            items: rows
                .items
                .iter()
                .map(|agent| self.shown(&caller, agent))
                .collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        }))
    }

    async fn create_agent(
        &self,
        request: Request<CreateAgentRequest>,
    ) -> Result<Response<CreateAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (mut agent, board) = self.new_agent(&caller, &request).await?;
        self.insert_agent(&caller, &mut agent, &board).await?;
        Ok(Response::new(CreateAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn get_agent(
        &self,
        request: Request<GetAgentRequest>,
    ) -> Result<Response<GetAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self
            .own_agent(&caller, decode::id("agent_id", &request.agent_id)?)
            .await?;
        Ok(Response::new(GetAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn retry_agent(
        &self,
        request: Request<RetryAgentRequest>,
    ) -> Result<Response<RetryAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self
            .own_agent(&caller, decode::id("agent_id", &request.agent_id)?)
            .await?;
        let agent = self.retry(&caller, &agent).await?;
        Ok(Response::new(RetryAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn update_agent(
        &self,
        request: Request<UpdateAgentRequest>,
    ) -> Result<Response<UpdateAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.change(&caller, request).await?;
        Ok(Response::new(UpdateAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn delete_agent(
        &self,
        request: Request<DeleteAgentRequest>,
    ) -> Result<Response<DeleteAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        self.delete(&caller, &request).await?;
        Ok(Response::new(DeleteAgentResponse { ok: true }))
    }

    async fn unlink_agent(
        &self,
        request: Request<UnlinkAgentRequest>,
    ) -> Result<Response<UnlinkAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        self.unlink(&caller, &request).await?;
        Ok(Response::new(UnlinkAgentResponse { ok: true }))
    }

    async fn import_agent(
        &self,
        request: Request<ImportAgentRequest>,
    ) -> Result<Response<ImportAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.import(&caller, &request).await?;
        Ok(Response::new(ImportAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn rotate_agent_token(
        &self,
        request: Request<RotateAgentTokenRequest>,
    ) -> Result<Response<RotateAgentTokenResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.rotate(&caller, &request).await?;
        Ok(Response::new(RotateAgentTokenResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn wake_agent(
        &self,
        request: Request<WakeAgentRequest>,
    ) -> Result<Response<WakeAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.wake(&caller, &request).await?;
        Ok(Response::new(WakeAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn heartbeat_agent(
        &self,
        request: Request<HeartbeatAgentRequest>,
    ) -> Result<Response<HeartbeatAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.beat(&caller, &request).await?;
        Ok(Response::new(HeartbeatAgentResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn register_heartbeat(
        &self,
        request: Request<RegisterHeartbeatRequest>,
    ) -> Result<Response<RegisterHeartbeatResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self.beat_by_name(&caller, &request).await?;
        Ok(Response::new(RegisterHeartbeatResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn list_agent_jobs(
        &self,
        request: Request<ListAgentJobsRequest>,
    ) -> Result<Response<ListAgentJobsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        Ok(Response::new(self.list_jobs(&caller, &request).await?))
    }

    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        let caller = Caller::of(&request)?;
        let id = calling_agent(&caller)?.id;
        self.saw(&[(id, self.clock.now())]).await?;
        let agent = self.present(id).await?;
        Ok(Response::new(HeartbeatResponse {
            agent: Some(self.shown(&caller, &agent)),
        }))
    }

    async fn check_health(
        &self,
        request: Request<CheckHealthRequest>,
    ) -> Result<Response<CheckHealthResponse>, Status> {
        let caller = Caller::of(&request)?;
        let agent = self.present(calling_agent(&caller)?.id).await?;
        let message::AgentRef {
            id,
            gateway_id,
            board_id,
            is_board_lead,
            ..
        } = wire::agent_ref(&agent);
        let status: Presence = agent.status(self.clock.now());
        let status = wire::status(status).into();
        Ok(Response::new(CheckHealthResponse {
            ok: true,
            agent_id: id,
            board_id,
            gateway_id,
            status,
            is_board_lead,
        }))
    }
}

pub(super) fn calling_agent(caller: &Caller) -> Result<&caller::Agent, Error> {
    match caller {
        Caller::Agent(agent) => Ok(agent),
        Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => Err(Error::TokenInvalid),
    }
}

impl Desk {
    fn shown(&self, caller: &Caller, agent: &Agent) -> message::Agent {
        let now = self.clock.now();
        if caller.is_admin() {
            wire::agent_for_admin(agent, now)
        } else {
            wire::agent(agent, now)
        }
    }

    /// The agent that calls, as it is now. One whose row is gone no longer has a valid token.
    async fn present(&self, id: Uuid) -> Result<Agent, Error> {
        let mut conn = self.pool.acquire().await?;
        store::agents::find(&mut conn, id)
            .await?
            .filter(|agent| agent.leaving_at.is_none())
            .ok_or(Error::TokenInvalid)
    }

    pub(super) async fn own_agent(&self, caller: &Caller, id: Uuid) -> Result<Agent, Error> {
        let organization_id = organization(caller)?;
        let mut conn = self.pool.acquire().await?;
        let agent = store::agents::find(&mut conn, id).await?;
        agent
            .filter(|agent| agent.organization_id == organization_id)
            .ok_or(Error::AgentNotFound)
    }

    /// What the caller sees of what it asks for: administrators the organization, a board's agents their board, the main
    /// agent of a gateway that gateway.
    async fn filter(&self, caller: &Caller, request: &ListAgentsRequest) -> Result<Filter, Error> {
        let mut filter = Filter {
            organization_id: organization(caller)?,
            board_id: decode::optional_id("board_id", request.board_id.as_deref())?,
            gateway_id: decode::optional_id("gateway_id", request.gateway_id.as_deref())?,
        };
        if let Some(board_id) = filter.board_id {
            self.visible_board(caller, board_id).await?;
        }
        if let Some(gateway_id) = filter.gateway_id {
            let mut conn = self.pool.acquire().await?;
            let known =
                store::agents::main_of(&mut conn, filter.organization_id, gateway_id).await?;
            known.ok_or(Error::GatewayNotFound)?;
        }
        match caller {
            Caller::Agent(caller::Agent {
                board_id: Some(own),
                ..
            }) => filter.board_id = Some(*own),
            Caller::Agent(main)
                if filter
                    .gateway_id
                    .is_some_and(|asked| asked != main.gateway_id) =>
            {
                return Err(Error::GatewayNotFound);
            }
            Caller::Agent(main) => filter.gateway_id = Some(main.gateway_id),
            Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => {}
        }
        Ok(filter)
    }
}

fn missing(reason: &str, field: &str, message: &str) -> Error {
    Error::Refused(chassis::Fault::rejected(reason, field, message))
}
