//! Making an agent exist.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{agents, call_agent};
use crate::{
    agent_list::Gone,
    call::Failed,
    configuration::{Turn, Wishes},
    error::Error,
    gateway::Gateway,
    refusal::{Matter, Refusal},
};

/// An agent as it shall be.
pub(crate) struct Agent {
    pub key: String,
    pub display_name: String,
    pub workspace: String,
    pub heartbeat: Option<Map<String, Value>>,
}

/// Rounds of reading and patching before somebody else who writes all the time wins.
const ROUNDS: u32 = 8;

/// Makes the agent exist as wanted, whatever was there before. Answers whether it was made.
pub(crate) async fn ensure_agent(gateway: &Arc<Gateway>, wanted: &Agent) -> Result<bool, Error> {
    let created = {
        let mut turn = gateway.configuration.turn().await;
        exist(gateway, wanted, &mut turn).await?
    };
    if let Some(heartbeat) = &wanted.heartbeat {
        beat(gateway, &wanted.key, heartbeat).await?;
    }
    Ok(created)
}

async fn exist(gateway: &Arc<Gateway>, wanted: &Agent, turn: &mut Turn<'_>) -> Result<bool, Error> {
    let known = agents(gateway).await?;
    let Agent {
        key,
        display_name,
        workspace,
        ..
    } = wanted;
    let entry = known.find(key);
    if entry.is_some_and(|entry| entry.is(display_name, workspace)) {
        return Ok(false);
    }
    turn.writes(gateway.protocol().await?);
    let created = entry.is_none();
    if created {
        create(gateway, wanted).await?;
    }
    // The name that an agent is created with becomes its id, so the one that people see comes second.
    let params = json!({"agentId": key, "name": display_name, "workspace": workspace});
    call_agent(gateway, key, "agents.update", &params).await?;
    Ok(created)
}

async fn create(gateway: &Arc<Gateway>, wanted: &Agent) -> Result<(), Error> {
    let method = "agents.create";
    let params = json!({"name": wanted.key, "workspace": wanted.workspace});
    match gateway.attempt(method, &params).await? {
        Ok(reply) => match reply["agentId"].as_str() {
            Some(id) if id != wanted.key => Err(Error::Incompatible(
                "it gives agents other ids than asked for".into(),
            )),
            Some(_) | None => Ok(()),
        },
        // A repeat after a connection that ended, or somebody who was faster.
        Err(Failed::Refused(refusal)) if refusal.matter() == Matter::AgentExists => Ok(()),
        Err(failed) => Err(gateway.explain(method, &failed)),
    }
}

/// Gives the agent its heartbeat, and with it those that others wait for: gateways allow few writes a minute.
async fn beat(
    gateway: &Arc<Gateway>,
    key: &str,
    heartbeat: &Map<String, Value>,
) -> Result<(), Error> {
    let _wish = gateway.configuration.wish(key, heartbeat.clone());
    let mut turn = gateway.configuration.turn().await;
    let alone = Wishes::from([(key.to_owned(), heartbeat.clone())]);
    let (mut together, mut gone) = (true, Gone::Null);
    for _ in 0..ROUNDS {
        let known = agents(gateway).await?;
        if known.beats(key, heartbeat) {
            return Ok(());
        }
        if known.find(key).is_none() {
            // Somebody's write undid ours, or took it away: whoever asks again makes it again.
            return Err(Error::NoSuchAgent);
        }
        turn.allowed().await?;
        let wishes = if together {
            gateway.configuration.wishes()
        } else {
            alone.clone()
        };
        let patch = known.patch(&wishes, gone);
        turn.writes(gateway.protocol().await?);
        match gateway.once("config.patch", &patch).await? {
            // A response that was lost leaves open whether the patch took: the next round looks.
            Ok(_) | Err(Failed::Lost) => gone = Gone::Null,
            // It may be one that takes no nulls, and replaces what it is told.
            Err(Failed::Refused(refusal))
                if refusal.matter() == Matter::InvalidConfiguration
                    && gone == Gone::Null
                    && known.minds(&wishes) =>
            {
                gone = Gone::LeftOut;
            }
            Err(Failed::Refused(refusal)) => {
                together = refused(gateway, &refusal, &mut turn, together && wishes.len() > 1)?;
                if !together {
                    gone = Gone::Null;
                }
            }
            Err(failed) => return Err(gateway.explain("config.patch", &failed)),
        }
    }
    Err(Error::Busy {
        retry_after: Some(Duration::from_secs(5)),
    })
}

/// Decides whether another round makes sense, and whether with the wishes of others.
fn refused(
    gateway: &Gateway,
    refusal: &Refusal,
    turn: &mut Turn<'_>,
    with_others: bool,
) -> Result<bool, Error> {
    match refusal.matter() {
        Matter::StaleConfiguration => Ok(true),
        // Somebody else's wish may be what does not hold.
        Matter::InvalidConfiguration if with_others => Ok(false),
        Matter::Busy => {
            turn.pause(refusal.retry_after.unwrap_or(Duration::from_secs(1)));
            Ok(true)
        }
        _ => Err(gateway.explain("config.patch", &Failed::Refused(refusal.clone()))),
    }
}
