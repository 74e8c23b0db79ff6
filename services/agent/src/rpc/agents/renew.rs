//! A new token, and a wake-up.

use chassis::{Caller, decode};
use proto::agent::v1::{RotateAgentTokenRequest, WakeAgentRequest};
use sqlx::PgConnection;

use crate::{
    agent::Agent,
    error::Error,
    job::Wish,
    pause,
    phase::Phase,
    rpc::{Desk, gateways::person},
    store,
    token::keep,
    wire::event,
};

/// How often to begin anew when a job of the agent begins at the same moment.
const TRIES: usize = 5;

impl Desk {
    pub(super) async fn rotate(
        &self,
        caller: &Caller,
        request: &RotateAgentTokenRequest,
    ) -> Result<Agent, Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        let agent = self.own_agent(caller, id).await?;
        if agent.leaving_at.is_some() {
            return Err(Error::AgentLeaving);
        }
        if request.revoke.unwrap_or(false) {
            return self.revoke(caller, &agent).await;
        }
        let wish = Wish {
            rotate: true,
            ..Wish::default()
        };
        let mut tx = self.pool.begin().await?;
        let agent = store::agents::lock(&mut tx, agent.id).await?;
        let agent = agent.ok_or(Error::AgentLeaving)?;
        let renewed = self
            .renew(&mut tx, caller, &agent, false, wish)
            .await?
            .ok_or(Error::AgentBusy)?;
        tx.commit().await?;
        Ok(renewed)
    }

    /// Ends the agent's tokens at once. A job under way does not stand in the way of that: another one follows it and
    /// writes the new token.
    async fn revoke(&self, caller: &Caller, agent: &Agent) -> Result<Agent, Error> {
        for _ in 0..TRIES {
            let minted = keep::mint(&self.seal, agent.id).await;
            let minted = minted.map_err(|source| Error::Hashing {
                agent_id: agent.id,
                source: source.into(),
            })?;
            let mut tx = self.pool.begin().await?;
            let wish = Wish::default();
            let followed = self.planner.follow_up(&mut tx, &[agent.id], wish).await?;
            store::tokens::replace(&mut tx, agent.id, &minted.hash, &minted.sealed).await?;
            let locked = store::agents::lock(&mut tx, agent.id).await?;
            let locked = locked.ok_or(Error::AgentLeaving)?;
            let told = event::agent_token_changed(&locked, self.clock.now());
            bus::outbox::append(&mut tx, told).await?;
            let renewed = self
                .renew(&mut tx, caller, &locked, !followed.is_empty(), wish)
                .await?;
            if let Some(renewed) = renewed {
                tx.commit().await?;
                return Ok(renewed);
            }
        }
        Err(Error::AgentBusy)
    }

    async fn renew(
        &self,
        tx: &mut PgConnection,
        caller: &Caller,
        locked: &Agent,
        is_followed: bool,
        wish: Wish,
    ) -> Result<Option<Agent>, Error> {
        let (now, by) = (self.clock.now(), person(caller));
        let renewed = self
            .planner
            .renew(tx, locked, is_followed, wish, by.as_ref(), now)
            .await?;
        if let Some(renewed) = renewed.as_ref().filter(|agent| agent.phase != locked.phase) {
            let told = event::agent_updated(caller.event_actor(), renewed, &["status"], now);
            bus::outbox::append(tx, told).await?;
        }
        Ok(renewed)
    }

    /// Has an agent that is in place woken now; it is answered as it is before that.
    pub(super) async fn wake(
        &self,
        caller: &Caller,
        request: &WakeAgentRequest,
    ) -> Result<Agent, Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        self.own_agent(caller, id).await?;
        let mut tx = self.pool.begin().await?;
        self.waker.forget(&mut tx, &[id]).await?;
        // Its phase and the pause stand still until the transaction ends.
        let agent = store::agents::keep(&mut tx, id).await?;
        let agent = agent
            .filter(|agent| agent.phase == Phase::Ready)
            .ok_or(Error::AgentNotReady)?;
        if let Some(board_id) = agent.board_id
            && pause::is_on(&mut tx, board_id).await?
        {
            return Err(Error::BoardPaused);
        }
        self.waker.wake(&mut tx, &agent, self.clock.now()).await?;
        tx.commit().await?;
        Ok(agent)
    }
}
