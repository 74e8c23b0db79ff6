//! Agents that go because somebody says so.

use chassis::{Caller, Fault, decode};
use proto::agent::v1::{DeleteAgentRequest, UnlinkAgentRequest};

use crate::{
    agent::Agent,
    departure::{self, Departure, Farewell},
    error::Error,
    rpc::{Desk, gateways::person, organization},
    store,
    wire::event,
};

/// How often to try when somebody plans a job of the agent at the same moment.
const TRIES: usize = 5;

impl Desk {
    /// Deletes an agent, if there is one. Of those that the caller may not see, there is none.
    pub(super) async fn delete(
        &self,
        caller: &Caller,
        request: &DeleteAgentRequest,
    ) -> Result<(), Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        let board_id = decode::optional_id("board_id", request.board_id.as_deref())?;
        let force = request.force.unwrap_or(false);
        let organization_id = organization(caller)?;
        if let Caller::Agent(lead) = caller {
            if board_id.is_some_and(|asked| lead.board_id != Some(asked)) {
                return Err(Error::BoardNotFound);
            }
            if force {
                return Err(Error::AdminRequired);
            }
        }
        let mut conn = self.pool.acquire().await?;
        let agent = store::agents::find(&mut conn, id).await?;
        drop(conn);
        let Some(agent) = agent.filter(|agent| agent.organization_id == organization_id) else {
            return Ok(());
        };
        let on_board = match caller {
            Caller::Agent(lead) => lead.board_id == agent.board_id,
            _ => board_id.is_none_or(|asked| agent.board_id == Some(asked)),
        };
        if !on_board {
            return Err(Error::AgentNotFound);
        }
        if matches!(caller, Caller::Agent(_)) && agent.is_board_lead {
            let message = "a lead is deleted by an administrator";
            return Err(Fault::forbidden("LEAD_CANNOT_BE_DELETED", message).into());
        }
        if force {
            return self.drop_agent(caller, &agent).await;
        }
        let farewell = if agent.is_imported() {
            Farewell::Unlinked
        } else {
            Farewell::Retiring
        };
        self.take_away(caller, &agent, farewell).await
    }

    /// Forgets an agent that goes on on its gateway.
    pub(super) async fn unlink(
        &self,
        caller: &Caller,
        request: &UnlinkAgentRequest,
    ) -> Result<(), Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        let agent = self.own_agent(caller, id).await?;
        if agent.leaving_at.is_some() {
            return Err(Error::AgentLeaving);
        }
        if agent.is_imported() {
            return self.take_away(caller, &agent, Farewell::Unlinked).await;
        }
        let (now, actor) = (self.clock.now(), caller.event_actor());
        let mut tx = self.pool.begin().await?;
        // Of two who forget it at once, one tells of it.
        let agent = departure::last_of(&mut tx, &agent).await?;
        let agent = agent.ok_or(Error::AgentNotFound)?;
        let told = vec![
            event::agent_token_changed(&agent, now),
            event::agent_unlinked(actor.clone(), &agent, now),
        ];
        bus::outbox::append_all(&mut tx, told).await?;
        departure::finish(&mut tx, &agent, actor, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has a job take the agent, or what we put into its files, from its gateway. A job that somebody plans at the same
    /// moment is found when it is tried again.
    async fn take_away(
        &self,
        caller: &Caller,
        agent: &Agent,
        farewell: Farewell,
    ) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_take_away(caller, agent, farewell).await {
                Err(Error::AgentBusy) if tries < TRIES => {}
                ended => return ended,
            }
        }
    }

    async fn try_take_away(
        &self,
        caller: &Caller,
        agent: &Agent,
        farewell: Farewell,
    ) -> Result<(), Error> {
        let departure = Departure {
            planner: self.planner.clone(),
        };
        let (actor, by) = (caller.event_actor(), person(caller));
        let (by, now) = (by.as_ref(), self.clock.now());
        let mut tx = self.pool.begin().await?;
        departure
            .of_agent(&mut tx, agent.id, farewell, &actor, by, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Its row goes, and its gateway is not asked.
    async fn drop_agent(&self, caller: &Caller, agent: &Agent) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let Some(agent) = departure::last_of(&mut tx, agent).await? else {
            return Ok(());
        };
        bus::outbox::append(&mut tx, event::agent_token_changed(&agent, now)).await?;
        departure::finish(&mut tx, &agent, caller.event_actor(), now).await?;
        tx.commit().await?;
        Ok(())
    }
}
