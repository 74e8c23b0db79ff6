//! The lead that a board is to have: the one that it has, or a new one that is put in place as soon as the transaction
//! commits.
//!
//! | The board's lead | What happens |
//! |---|---|
//! | there is none | one is made, with a name that is free on the gateway |
//! | failed | another try is planned |
//! | goes | nothing; a new one can be had when it is gone |
//! | anything else | nothing |

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use proto::event::v1::Actor;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::{Agent, heartbeat, profile},
    error::Error,
    job::{Requester, Wish},
    lifecycle::Planner,
    phase::{Change, Phase},
    store::{
        self,
        leads::{self, Draft},
        locks::{self, Matter},
    },
    wire::event,
};

/// What a lead is called that nobody named.
pub(crate) const NAME: &str = "Lead Agent";
/// Characters of an agent's name.
const NAME_LENGTH: usize = 100;
/// How often to look for names that are still free.
const ROUNDS: usize = 20;

/// Where leads are wanted, and what new ones are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub organization_id: Uuid,
    pub gateway_id: Uuid,
    /// With a number where somebody has the name already.
    pub name: &'a str,
    /// Goes over the profile of leads.
    pub identity_profile: Option<&'a Map<String, Value>>,
}

/// Who wants it.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub actor: Actor,
    pub requester: Option<Requester>,
    pub at: DateTime<Utc>,
}

/// A board's lead.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    pub agent: Agent,
    pub is_new: bool,
}

/// Sees to it that these boards have leads; answers them by board. Of several who want one of the same board, one makes it
/// and the others find it.
pub(crate) async fn ensure(
    conn: &mut PgConnection,
    planner: &Planner,
    wanted: Wanted<'_>,
    board_ids: &[Uuid],
    cause: &Cause,
) -> Result<HashMap<Uuid, Lead>, Error> {
    let mut leads = find(conn, wanted.organization_id, board_ids).await?;
    retry(conn, planner, &mut leads, cause).await?;
    if leads.len() == board_ids.len() {
        return Ok(leads);
    }
    locks::seize(conn, Matter::Leads, wanted.gateway_id).await?;
    if !store::gateways::is_staying(conn, wanted.gateway_id).await? {
        return Err(Error::GatewayNotFound);
    }
    let mut made = Vec::new();
    for round in 0..ROUNDS {
        // Whoever made leads before the lock was ours has committed.
        for (board_id, lead) in find(conn, wanted.organization_id, board_ids).await? {
            leads.entry(board_id).or_insert(lead);
        }
        let missing: Vec<Uuid> = board_ids
            .iter()
            .copied()
            .filter(|id| !leads.contains_key(id))
            .collect();
        if missing.is_empty() {
            break;
        }
        for agent in insert(conn, wanted, &missing, round, cause.at).await? {
            let Some(board_id) = agent.board_id else {
                continue;
            };
            made.push(agent.clone());
            leads.insert(
                board_id,
                Lead {
                    agent,
                    is_new: true,
                },
            );
        }
    }
    if leads.len() < board_ids.len() {
        return Err(Error::AgentNameTaken);
    }
    let by = cause.requester.as_ref();
    planner
        .plan(conn, &made, Wish::default(), by, cause.at)
        .await?;
    let told = made
        .iter()
        .map(|agent| event::agent_created(cause.actor.clone(), agent, cause.at))
        .collect();
    bus::outbox::append_all(conn, told).await?;
    Ok(leads)
}

async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_ids: &[Uuid],
) -> Result<HashMap<Uuid, Lead>, Error> {
    let agents = leads::list(conn, organization_id, board_ids).await?;
    let by_board = agents.into_iter().filter_map(|agent| {
        let is_new = false;
        Some((agent.board_id?, Lead { agent, is_new }))
    });
    Ok(by_board.collect())
}

async fn retry(
    conn: &mut PgConnection,
    planner: &Planner,
    leads: &mut HashMap<Uuid, Lead>,
    cause: &Cause,
) -> Result<(), Error> {
    let failed: Vec<Uuid> = leads
        .values()
        .map(|lead| &lead.agent)
        .filter(|agent| agent.phase == Phase::Failed && agent.leaving_at.is_none())
        .map(|agent| agent.id)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let again = leads::retry(conn, &failed, cause.at).await?;
    let by = cause.requester.as_ref();
    planner.retry(conn, &again, by, cause.at).await?;
    let told = again
        .iter()
        .map(|agent| event::agent_updated(cause.actor.clone(), agent, &["status"], cause.at))
        .collect();
    bus::outbox::append_all(conn, told).await?;
    for agent in again {
        if let Some(lead) = agent.board_id.and_then(|id| leads.get_mut(&id)) {
            lead.agent = agent;
        }
    }
    Ok(())
}

/// Makes leads for these boards, as far as names are free; answers those that were made.
async fn insert(
    conn: &mut PgConnection,
    wanted: Wanted<'_>,
    board_ids: &[Uuid],
    round: usize,
    at: DateTime<Utc>,
) -> Result<Vec<Agent>, Error> {
    let width = (board_ids.len() * 2).max(50);
    let candidates: Vec<String> = (round * width + 1..=(round + 1) * width)
        .map(|number| numbered(wanted.name, number))
        .collect();
    let free = leads::list_free_names(conn, wanted.gateway_id, &candidates).await?;
    let identity_profile = Value::Object(over(profile::lead(), wanted.identity_profile));
    let heartbeat_config = heartbeat::default();
    let drafts: Vec<Draft> = board_ids
        .iter()
        .zip(free)
        .map(|(board_id, name)| Draft {
            id: Uuid::now_v7(),
            board_id: *board_id,
            name,
        })
        .collect();
    let common = leads::Common {
        organization_id: wanted.organization_id,
        gateway_id: wanted.gateway_id,
        heartbeat_config: &heartbeat_config,
        identity_profile: &identity_profile,
        at,
    };
    Ok(leads::insert(conn, common, &drafts).await?)
}

/// A name, the first time as it is and then with a number.
fn numbered(name: &str, number: usize) -> String {
    if number == 1 {
        return name.to_owned();
    }
    let suffix = format!(" {number}");
    let head: String = name
        .chars()
        .take(NAME_LENGTH - suffix.chars().count())
        .collect();
    format!("{}{suffix}", head.trim_end())
}

/// A profile with another that goes over it. What would make it longer than a profile may be is left out.
fn over(base: Map<String, Value>, given: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut merged = base;
    for (key, value) in given.into_iter().flatten() {
        if merged.len() < profile::MAX_ENTRIES || merged.contains_key(key) {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

/// What became of giving a lead another profile.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// Its files are written again.
    Done,
    /// A job began meanwhile that may have read the old one: to be tried in another transaction.
    Again,
}

/// Puts a profile over that of a lead and has its files written. One that has all of it already is left alone.
pub(crate) async fn give_profile(
    conn: &mut PgConnection,
    planner: &Planner,
    lead: &Agent,
    given: &Map<String, Value>,
    cause: &Cause,
) -> Result<Given, Error> {
    if merged(lead, given).as_ref() == lead.identity_profile.as_ref() {
        return Ok(Given::Done);
    }
    // Jobs before agents, as whoever settles a job does it.
    let followed = if lead.phase == Phase::Pending && lead.provisioned_at.is_none() {
        // What reads the profile has yet to begin.
        Vec::new()
    } else {
        let ids = std::slice::from_ref(&lead.id);
        planner.follow_up(conn, ids, Wish::default()).await?
    };
    let Some(lead) = leads::lock(conn, lead.id).await? else {
        return Err(Error::AgentLeaving);
    };
    let under_way = match lead.phase {
        Phase::Provisioning | Phase::Updating => true,
        // It may be one that tells a pace and reads nothing else.
        Phase::Pending => lead.provisioned_at.is_some(),
        Phase::Ready | Phase::Deleting | Phase::Failed => false,
    };
    if under_way && followed.is_empty() {
        return Ok(Given::Again);
    }
    let profile = merged(&lead, given);
    if profile.as_ref() == lead.identity_profile.as_ref() {
        return Ok(Given::Done);
    }
    let mut lead = leads::set_profile(conn, lead.id, profile.as_ref(), cause.at).await?;
    let mut changed = vec!["identity_profile"];
    let change = match lead.phase {
        Phase::Ready => Some(Change::Refresh),
        Phase::Failed => Some(Change::Retry),
        Phase::Pending | Phase::Provisioning | Phase::Updating | Phase::Deleting => None,
    };
    if let Some(change) = change {
        let error = lead.last_error.clone();
        let pending =
            store::agents::change_phase(conn, lead.id, change, error.as_deref(), cause.at).await?;
        let by = cause.requester.as_ref();
        let wish = Wish::default();
        planner
            .plan(conn, pending.as_slice(), wish, by, cause.at)
            .await?;
        if let Some(pending) = pending {
            lead = pending;
            changed.push("status");
        }
    }
    let told = event::agent_updated(cause.actor.clone(), &lead, &changed, cause.at);
    bus::outbox::append(conn, told).await?;
    Ok(Given::Done)
}

fn merged(lead: &Agent, given: &Map<String, Value>) -> Option<Value> {
    let base = match &lead.identity_profile {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let merged = over(base, Some(given));
    (!merged.is_empty()).then_some(Value::Object(merged))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_gets_a_number_and_stays_short_enough() {
        assert_eq!(numbered("Nova", 1), "Nova");
        assert_eq!(numbered("Nova", 2), "Nova 2");
        let long = numbered(&"ä".repeat(100), 12);
        assert_eq!(long.chars().count(), 100);
        assert!(long.ends_with("ä 12"));
    }

    #[test]
    fn a_profile_goes_over_another_and_never_grows_too_long() {
        let given = json!({"role": "Captain", "purpose": "To fly"});
        let merged = over(profile::lead(), given.as_object());
        assert_eq!(merged["role"], "Captain");
        assert_eq!(merged["purpose"], "To fly");
        assert_eq!(merged["emoji"], ":gear:");

        let full: Map<String, Value> = (0..profile::MAX_ENTRIES)
            .map(|n| (format!("k{n}"), json!("v")))
            .collect();
        let merged = over(full.clone(), json!({"k1": "w", "new": "x"}).as_object());
        assert_eq!(merged.len(), full.len());
        assert_eq!(merged["k1"], "w");
    }
}
