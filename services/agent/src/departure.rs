//! Agents that go because their board or their organization is gone.
//!
//! | When | Agents | Gateways |
//! |---|---|---|
//! | a board is deleted | a job takes each from its gateway, then its row goes; one that the gateway does not let go is `failed` and can be tried again | stay |
//! | a board is deleted by force | rows go at once, gateways are not asked | stay |
//! | an organization is deleted | a job takes each from its gateway; rows go then, or when the job gives up | each goes with its last agent |
//!
//! In every case their tokens end at once and what they were to be told is forgotten.
//!
//! Deliveries are changed before jobs, jobs before tokens and agents, as whoever settles a job does it.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use proto::event::v1::{Actor, ActorKind, Event};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::Agent,
    job::Requester,
    lifecycle::Planner,
    store::{
        departures::{self, Whose},
        locks::{self, Matter},
        pauses,
    },
    wire::event,
};

/// After this time nobody is left who could make something on a board or in an organization that is gone.
const LATE: TimeDelta = TimeDelta::days(1);

/// Has agents go.
#[derive(Clone, Debug)]
pub(crate) struct Departure {
    pub planner: Planner,
}

impl Departure {
    /// The agents of a board that was deleted.
    pub(crate) async fn of_board(
        &self,
        conn: &mut PgConnection,
        cause: &Event,
        board_id: Uuid,
        force: bool,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        gone(conn, board_id, now).await?;
        pauses::delete(conn, board_id).await?;
        let agents = departures::list_agents(conn, Whose::Board(board_id)).await?;
        if force {
            delete(conn, &agents, actor(cause)?, now).await?;
        } else {
            self.begin(conn, &agents, actor(cause)?, now).await?;
        }
        Ok(())
    }

    /// The agents and gateways of an organization that was deleted.
    pub(crate) async fn of_organization(
        &self,
        conn: &mut PgConnection,
        cause: &Event,
        organization_id: Uuid,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        gone(conn, organization_id, now).await?;
        pauses::delete_of_organization(conn, organization_id).await?;
        let gateways = departures::begin_gateways(conn, organization_id, now).await?;
        let agents = departures::list_agents(conn, Whose::Organization(organization_id)).await?;
        self.begin(conn, &agents, actor(cause)?, now).await?;
        delete_empty_gateways(conn, &gateways, now).await?;
        Ok(())
    }

    /// Ends the tokens of agents and plans the jobs that take them from their gateways. Those that go already go on.
    async fn begin(
        &self,
        conn: &mut PgConnection,
        agent_ids: &[Uuid],
        actor: Actor,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let jobs = departures::list_unfinished_jobs(conn, agent_ids).await?;
        let job_ids: Vec<Uuid> = jobs.iter().map(|(id, _, _)| *id).collect();
        delivery::discard_all(conn, &job_ids).await?;
        departures::finish_jobs(conn, &job_ids, now).await?;
        departures::revoke_tokens(conn, agent_ids).await?;
        let begun = departures::begin(conn, agent_ids, now).await?;
        let notices = departures::delete_notices(conn, agent_ids).await?;
        delivery::discard_all(conn, &notices).await?;

        let under_way: Vec<Uuid> = jobs
            .into_iter()
            .filter(|(_, _, under_way)| *under_way)
            .map(|(_, agent_id, _)| agent_id)
            .collect();
        let (events, agents) = begun.into_iter().fold(
            (Vec::new(), Vec::new()),
            |(mut events, mut agents), (agent, newly)| {
                if newly {
                    events.push(event::agent_token_changed(&agent, now));
                }
                let changed = event::agent_updated(actor.clone(), &agent, &["status"], now);
                events.push(changed);
                agents.push(agent);
                (events, agents)
            },
        );
        let by = requester(&actor);
        self.planner
            .plan_removal(conn, &agents, &under_way, Some(&by), now)
            .await?;
        bus::outbox::append_all(conn, events).await
    }
}

/// Nothing can be made on it any more, by nobody who comes late either.
async fn gone(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    locks::seize(conn, Matter::Being, id).await?;
    departures::remember(conn, id, now, now - LATE).await
}

/// Whether any of these boards and organizations is gone. None goes before the transaction ends.
pub(crate) async fn is_any_gone(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<bool> {
    locks::keep(conn, Matter::Being, ids).await?;
    Ok(!departures::list_gone(conn, ids).await?.is_empty())
}

/// Deletes agents with all that hangs on them, and tells of it.
async fn delete(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let known = departures::list_deliveries(conn, agent_ids).await?;
    delivery::discard_all(conn, &known).await?;
    departures::lock_agents(conn, agent_ids).await?;
    // What was planned before the agents stood still.
    let late = departures::list_deliveries(conn, agent_ids).await?;
    delivery::discard_all(conn, &late).await?;
    let events = departures::delete(conn, agent_ids)
        .await?
        .iter()
        .map(|agent| event::agent_deleted(actor.clone(), agent, now))
        .collect();
    bus::outbox::append_all(conn, events).await
}

/// The row of an agent goes, and its gateway with the last one if it goes too.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    agent: &Agent,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let gateway_goes = is_final(conn, agent).await?;
    delete(conn, &[agent.id], chassis::caller::system_actor(), now).await?;
    if gateway_goes {
        delete_empty_gateways(conn, &[agent.gateway_id], now).await?;
    }
    Ok(())
}

/// Whether the gateway of an agent goes with its organization, so that nobody is left who could have it tried again. It
/// stays so, or not, until the transaction ends.
pub(crate) async fn is_final(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<bool> {
    locks::keep(conn, Matter::Being, &[agent.organization_id]).await?;
    departures::lock_leaving_gateway(conn, agent.gateway_id).await
}

async fn delete_empty_gateways(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let events = departures::delete_empty_gateways(conn, ids)
        .await?
        .iter()
        .map(|gateway| event::gateway_deleted(gateway, now))
        .collect();
    bus::outbox::append_all(conn, events).await
}

/// For whom something is done that an actor caused.
pub(crate) fn requester(actor: &Actor) -> Requester {
    let id = (actor.kind() == ActorKind::User)
        .then_some(actor.id.as_deref())
        .flatten();
    Requester {
        user_id: id.and_then(|id| Uuid::try_parse(id).ok()),
        name: actor.name.clone(),
    }
}

fn actor(cause: &Event) -> anyhow::Result<Actor> {
    cause.actor.clone().context("an event has an actor")
}
