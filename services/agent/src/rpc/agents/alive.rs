//! Agents that say, or of whom somebody says, that they are alive.

use chassis::{Caller, Fault, decode};
use proto::agent::v1::{CreateAgentRequest, HeartbeatAgentRequest, RegisterHeartbeatRequest};

use super::missing;
use crate::{
    agent::Agent,
    error::Error,
    rpc::{Desk, input, organization},
    store,
};

/// The only thing that one can say of oneself. The rest is computed.
const ONLINE: &str = "online";

fn status(given: Option<&str>) -> Result<(), Fault> {
    if given.is_none_or(|given| given == ONLINE) {
        Ok(())
    } else {
        Err(Fault::invalid("status", "INVALID", "must be `online`"))
    }
}

impl Desk {
    pub(super) async fn beat(
        &self,
        caller: &Caller,
        request: &HeartbeatAgentRequest,
    ) -> Result<Agent, Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        status(request.status.as_deref())?;
        match caller {
            Caller::Agent(agent) if agent.id != id => {
                let message = "an agent speaks for itself only";
                return Err(Fault::forbidden("OTHER_AGENT", message).into());
            }
            Caller::Agent(_) => {}
            Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => {
                let agent = self.own_agent(caller, id).await?;
                if agent.leaving_at.is_some() {
                    return Err(Error::AgentLeaving);
                }
            }
        }
        self.seen_now(id).await
    }

    /// The same by name. An agent that does not exist yet is made, and is not alive by that.
    pub(super) async fn beat_by_name(
        &self,
        caller: &Caller,
        request: &RegisterHeartbeatRequest,
    ) -> Result<Agent, Error> {
        status(request.status.as_deref())?;
        if let Caller::Agent(agent) = caller {
            return self.seen_now(agent.id).await;
        }
        let name = input::agent_name(&request.name)?;
        let board_id = decode::optional_id("board_id", request.board_id.as_deref())?;
        if let Some(board_id) = board_id {
            self.visible_board(caller, board_id).await?;
        }
        let organization_id = organization(caller)?;
        for _ in 0..2 {
            let mut conn = self.pool.acquire().await?;
            let named =
                store::agents::list_by_name(&mut conn, organization_id, board_id, &name).await?;
            drop(conn);
            match (named.as_slice(), board_id) {
                ([agent], _) => return self.seen_now(agent.id).await,
                ([], None) => {
                    let message = "an agent that does not exist yet needs a board";
                    return Err(missing("BOARD_REQUIRED", "board_id", message));
                }
                ([], Some(_)) => {}
                ([..], _) => {
                    let message = "several boards have an agent of this name: say which";
                    return Err(missing("AGENT_NAME_AMBIGUOUS", "board_id", message));
                }
            }
            let wanted = CreateAgentRequest {
                name: name.clone(),
                board_id: request.board_id.clone(),
                ..CreateAgentRequest::default()
            };
            let (mut agent, board) = self.new_agent(caller, &wanted).await?;
            match self.insert_agent(caller, &mut agent, &board).await {
                Ok(()) => return Ok(agent),
                // Of two who make it at once one finds what the other made.
                Err(Error::AgentNameTaken) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::AgentNameTaken)
    }

    async fn seen_now(&self, id: uuid::Uuid) -> Result<Agent, Error> {
        self.saw(&[(id, self.clock.now())]).await?;
        self.present(id).await
    }
}
