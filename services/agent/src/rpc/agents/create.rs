//! Making an agent, and having what was given up tried again.

use chassis::{Caller, caller, decode};
use proto::{agent::v1::CreateAgentRequest, board::v1::Board};
use uuid::Uuid;

use super::missing;
use crate::{
    agent::{Agent, Wake},
    departure,
    error::Error,
    job::Wish,
    phase::{Change, Phase},
    rpc::{Desk, gateways::person, input},
    soul::history::{self, Origin},
    store,
    wire::event,
};

impl Desk {
    pub(super) async fn new_agent(
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
            heartbeat_removed: Vec::new(),
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

    pub(super) async fn insert_agent(
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
        if !store::gateways::is_staying(&mut tx, agent.gateway_id).await? {
            return Err(Error::GatewayNotFound);
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
        let actor = caller.event_actor();
        history::add(&mut tx, agent, &actor, Origin::default(), now).await?;
        bus::outbox::append(&mut tx, event::agent_created(actor, agent, now)).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn retry(&self, caller: &Caller, agent: &Agent) -> Result<Agent, Error> {
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
