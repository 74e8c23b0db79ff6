//! `AgentService`.

use chassis::{Caller, Cursor, caller, decode};
use proto::{
    agent::v1::{
        self as message, CheckHealthRequest, CheckHealthResponse, CreateAgentRequest,
        CreateAgentResponse, GetAgentRequest, GetAgentResponse, HeartbeatRequest,
        HeartbeatResponse, ListAgentsRequest, ListAgentsResponse, RetryAgentRequest,
        RetryAgentResponse, agent_service_server::AgentService,
    },
    board::v1::Board,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Desk, Paging, gateways::person, input, organization};
use crate::{
    agent::{Agent, Wake},
    departure,
    error::Error,
    job::Wish,
    phase::{Change, Phase, Status as Presence},
    store::{self, agents::Filter},
    wire::{self, event},
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

fn calling_agent(caller: &Caller) -> Result<&caller::Agent, Error> {
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

    async fn new_agent(
        &self,
        caller: &Caller,
        request: &CreateAgentRequest,
    ) -> Result<(Agent, Board), Error> {
        let asked = decode::optional_id("board_id", request.board_id.as_deref())?;
        let board_id = match caller {
            Caller::Agent(lead) if asked.is_some_and(|asked| lead.board_id != Some(asked)) => {
                return Err(Error::OtherBoard);
            }
            Caller::Agent(lead) => lead.board_id,
            Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => asked,
        };
        let board_id = board_id
            .ok_or_else(|| missing("BOARD_REQUIRED", "board_id", "an agent needs a board"))?;
        let is_board_lead = request.is_board_lead.unwrap_or(false);
        if is_board_lead && !caller.is_admin() {
            return Err(Error::AdminRequired);
        }
        let (name, now) = (input::agent_name(&request.name)?, self.clock.now());
        let heartbeat_config = input::heartbeat_config(request.heartbeat_config.as_ref())?;
        let identity_profile = input::identity_profile(request.identity_profile.as_ref())?;
        let identity_template =
            input::file("identity_template", request.identity_template.as_deref())?;
        let soul_template = input::file("soul_template", request.soul_template.as_deref())?;
        let (board, scope) = self.visible_board(caller, board_id).await?;
        if !caller.writes(&scope) {
            return Err(Error::BoardWriteRequired);
        }
        let no_gateway = || missing("GATEWAY_REQUIRED", "board_id", "the board has no gateway");
        let agent = Agent {
            id: Uuid::now_v7(),
            organization_id: scope.organization_id,
            gateway_id: scope.gateway_id.ok_or_else(no_gateway)?,
            board_id: Some(board_id),
            name,
            is_board_lead,
            phase: Phase::Pending,
            last_error: None,
            heartbeat_config,
            identity_profile,
            identity_template,
            soul_template,
            last_seen_at: None,
            provisioned_at: None,
            wake: Wake::default(),
            runtime: None,
            leaving_at: None,
            created_at: now,
            updated_at: now,
        };
        Ok((agent, board))
    }

    async fn insert_agent(
        &self,
        caller: &Caller,
        agent: &mut Agent,
        board: &Board,
    ) -> Result<(), Error> {
        let now = agent.created_at;
        let mut tx = self.pool.begin().await?;
        let whereabouts: Vec<_> = agent
            .board_id
            .into_iter()
            .chain([agent.organization_id])
            .collect();
        if departure::is_any_gone(&mut tx, &whereabouts).await? {
            return Err(Error::BoardNotFound);
        }
        if let Caller::Agent(caller::Agent {
            board_id: Some(board_id),
            ..
        }) = caller
        {
            let workers = store::agents::count_workers(&mut tx, *board_id).await?;
            if workers >= i64::from(board.max_agents) {
                return Err(Error::AgentLimitReached {
                    max_agents: board.max_agents,
                });
            }
        }
        store::agents::insert(&mut tx, agent).await?;
        let (agents, by) = (std::slice::from_ref(&*agent), person(caller));
        self.planner
            .plan(&mut tx, agents, Wish::default(), by.as_ref(), now)
            .await?;
        bus::outbox::append(
            &mut tx,
            event::agent_created(caller.event_actor(), agent, now),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn retry(&self, caller: &Caller, agent: &Agent) -> Result<Agent, Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let error = agent.last_error.as_deref();
        let goes = agent.leaving_at.is_some();
        let change = if goes {
            Change::RetryRemoval
        } else {
            Change::Retry
        };
        let Some(agent) =
            store::agents::change_phase(&mut tx, agent.id, change, error, now).await?
        else {
            let busy = store::jobs::exists_unfinished(&mut tx, agent.id).await?;
            return Err(if busy {
                Error::AgentBusy
            } else {
                Error::AgentNotFailed
            });
        };
        let (agents, by) = (std::slice::from_ref(&agent), person(caller));
        if goes {
            self.planner
                .plan_removal(&mut tx, agents, &[], by.as_ref(), now)
                .await?;
        } else {
            self.planner
                .retry(&mut tx, agents, by.as_ref(), now)
                .await?;
        }
        let told = event::agent_updated(caller.event_actor(), &agent, &["status"], now);
        bus::outbox::append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(agent)
    }
}

fn missing(reason: &str, field: &str, message: &str) -> Error {
    Error::Refused(chassis::Fault::rejected(reason, field, message))
}
