//! What can be wanted of a gateway, each a script of requests that can be repeated as a whole.

mod ensure_agent;
mod list_agents;
mod list_skills;
mod probe;
mod read_file;
mod remove_agent;
mod send_message;
mod sessions;
mod write_files;

pub(crate) use ensure_agent::{Agent, ensure_agent};
pub(crate) use list_agents::list_agents;
pub(crate) use list_skills::list_skills;
pub(crate) use probe::probe;
pub(crate) use read_file::{read_file, remove_files};
pub(crate) use remove_agent::remove_agent;
pub(crate) use send_message::{Message, send_message};
pub(crate) use sessions::{Wanted, history, list_sessions, reset_session};
pub(crate) use write_files::{File, write_files};

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    agent_list::AgentList,
    call::Failed,
    error::Error,
    gateway::Gateway,
    refusal::{Matter, Refusal},
};

/// How long a new agent may stay unknown to all but the configuration: gateways need up to a second, busy ones more.
const SETTLING: Duration = Duration::from_secs(10);

/// Reads the agents of the configuration.
async fn agents(gateway: &Arc<Gateway>) -> Result<AgentList, Error> {
    AgentList::read(gateway.call("config.get", &serde_json::json!({})).await?)
}

/// Calls a method that needs an agent, again and again while a new agent is still unknown to it. An agent that the
/// configuration does not know either does not exist, and waiting would not help.
async fn call_settled(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    method: &str,
    params: &Value,
) -> Result<Result<Value, Refusal>, Error> {
    let give_up = Instant::now() + SETTLING;
    let mut wait = Duration::from_millis(100);
    let mut configured = false;
    loop {
        let refusal = match gateway.attempt(method, params).await? {
            Ok(payload) => return Ok(Ok(payload)),
            Err(Failed::Refused(refusal)) => refusal,
            Err(failed) => return Err(gateway.explain(method, &failed)),
        };
        if refusal.matter() != Matter::NoSuchAgent {
            return Ok(Err(refusal));
        }
        configured = configured || agents(gateway).await?.find(agent_key).is_some();
        if !configured {
            return Ok(Err(refusal));
        }
        if Instant::now() >= give_up {
            return Err(Error::Stuck);
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

/// The same, for methods that must succeed.
async fn call_agent(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    method: &str,
    params: &Value,
) -> Result<Value, Error> {
    let outcome = call_settled(gateway, agent_key, method, params).await?;
    outcome.map_err(|refusal| gateway.explain(method, &Failed::Refused(refusal)))
}
