//! Agents that go: because somebody says so, or because their board or their organization is gone.
//!
//! | When | Agents | Gateways |
//! |---|---|---|
//! | a board is deleted | a job takes each from its gateway, then its row goes; one that the gateway does not let go is `failed` and can be tried again | stay |
//! | a board is deleted by force | rows go at once, gateways are not asked | stay |
//! | somebody deletes an agent | the same for this one, by a job or by force | stay |
//! | somebody unlinks an agent | its row goes at once; one that was imported loses our section in its AGENTS.md by a job | stay |
//! | somebody deletes a gateway on which no board stands | the same for its main agent, by a job or by force | goes with its last agent |
//! | an organization is deleted | a job takes each from its gateway; rows go then, or when the job gives up | each goes with its last agent |
//!
//! In every case their tokens end at once and what they were to be told is forgotten, and so are onboardings.
//!
//! Deliveries are changed before wake-ups and jobs, these before tokens and agents, as whoever settles a job does it.

pub(crate) mod gateway;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use proto::event::v1::{Actor, ActorKind, Event};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::Agent,
    job::Requester,
    lifecycle::Planner,
    skill,
    store::{
        agents,
        departures::{self, Whose},
        locks::{self, Matter},
        onboardings, pauses,
    },
    waking,
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
        onboardings::delete(conn, Whose::Board(board_id)).await?;
        let agents = departures::list_agents(conn, Whose::Board(board_id)).await?;
        if force {
            delete(conn, &agents, actor(cause)?, now).await?;
        } else {
            let actor = actor(cause)?;
            let by = requester(&actor);
            self.begin(conn, &agents, &actor, Some(&by), now).await?;
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
        onboardings::delete(conn, Whose::Organization(organization_id)).await?;
        let gateways = departures::begin_gateways(conn, organization_id, now).await?;
        let agents = departures::list_agents(conn, Whose::Organization(organization_id)).await?;
        let actor = actor(cause)?;
        let by = requester(&actor);
        self.begin(conn, &agents, &actor, Some(&by), now).await?;
        skill::departure::forget_organization(conn, organization_id).await?;
        delete_empty_gateways(conn, &gateways, &actor, now).await?;
        Ok(())
    }

    /// One agent that somebody deletes or unlinks.
    pub(crate) async fn of_agent(
        &self,
        conn: &mut PgConnection,
        agent_id: Uuid,
        farewell: Farewell,
        actor: &Actor,
        by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let begun = self.begin(conn, &[agent_id], actor, by, now).await?;
        let told = begun
            .iter()
            .filter(|(_, newly)| *newly)
            .map(|(agent, _)| farewell.event(actor.clone(), agent, now))
            .collect();
        bus::outbox::append_all(conn, told).await
    }

    /// Ends the tokens of agents and plans the jobs that take them from their gateways; answers them with whether they only
    /// now begin to go. Those that go already go on.
    async fn begin(
        &self,
        conn: &mut PgConnection,
        agent_ids: &[Uuid],
        actor: &Actor,
        by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Vec<(Agent, bool)>> {
        let jobs = departures::list_unfinished_jobs(conn, agent_ids).await?;
        let job_ids: Vec<Uuid> = jobs.iter().map(|(id, _, _)| *id).collect();
        delivery::discard_all(conn, &job_ids).await?;
        waking::forget(conn, agent_ids).await?;
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
        let mut events = Vec::new();
        for (agent, newly) in &begun {
            events.extend(newly.then(|| event::agent_token_changed(agent, now)));
            let changed = event::agent_updated(actor.clone(), agent, &["status"], now);
            events.push(changed);
        }
        let agents: Vec<Agent> = begun.iter().map(|(agent, _)| agent.clone()).collect();
        self.planner
            .plan_removal(conn, &agents, &under_way, by, now)
            .await?;
        bus::outbox::append_all(conn, events).await?;
        Ok(begun)
    }
}

/// How others are told that somebody has an agent go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    Retiring,
    Unlinked,
}

impl Farewell {
    fn event(self, actor: Actor, agent: &Agent, now: DateTime<Utc>) -> Event {
        match self {
            Self::Retiring => event::agent_retiring(actor, agent, now),
            Self::Unlinked => event::agent_unlinked(actor, agent, now),
        }
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

/// Those of the boards of an organization that are gone. None goes before the transaction ends.
pub(crate) async fn list_gone(
    conn: &mut PgConnection,
    board_ids: &[Uuid],
    organization_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    let ids: Vec<Uuid> = board_ids.iter().copied().chain([organization_id]).collect();
    locks::keep(conn, Matter::Being, &ids).await?;
    let gone = departures::list_gone(conn, &ids).await?;
    Ok(if gone.contains(&organization_id) {
        board_ids.to_vec()
    } else {
        gone
    })
}

/// Deletes agents with all that hangs on them, and tells of it.
async fn delete(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    hold(conn, agent_ids).await?;
    erase(conn, agent_ids, actor, now).await
}

/// Deletes agents that are held.
async fn erase(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let events = departures::delete(conn, agent_ids)
        .await?
        .iter()
        .map(|agent| event::agent_deleted(actor.clone(), agent, now))
        .collect();
    bus::outbox::append_all(conn, events).await
}

/// Holds agents of which nothing is done any more.
async fn hold(conn: &mut PgConnection, agent_ids: &[Uuid]) -> sqlx::Result<()> {
    let known = departures::list_deliveries(conn, agent_ids).await?;
    delivery::discard_all(conn, &known).await?;
    stop(conn, agent_ids).await
}

/// The same for whoever settles a job of theirs, and holds its delivery: who discards the others waits for that one.
async fn stop(conn: &mut PgConnection, agent_ids: &[Uuid]) -> sqlx::Result<()> {
    departures::lock_work(conn, agent_ids).await?;
    departures::lock_agents(conn, agent_ids).await?;
    // What was planned before the agents stood still. Who settles one of them may wait for its agent.
    let late = departures::list_deliveries(conn, agent_ids).await?;
    delivery::discard_unheld(conn, &late).await?;
    Ok(())
}

/// An agent that is about to be forgotten, unless somebody else was quicker: see [`finish`].
pub(crate) async fn last_of(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<Option<Agent>> {
    is_final(conn, agent).await?;
    hold(conn, &[agent.id]).await?;
    agents::find(&mut *conn, agent.id).await
}

/// The same for whoever settles a job of the agent.
pub(crate) async fn last_of_job(
    conn: &mut PgConnection,
    agent: &Agent,
) -> sqlx::Result<Option<Agent>> {
    is_final(conn, agent).await?;
    stop(conn, &[agent.id]).await?;
    agents::find(&mut *conn, agent.id).await
}

/// The row of an agent goes that is held ([`last_of`]), and its gateway with the last one if it goes too.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    agent: &Agent,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let gateway_goes = is_final(conn, agent).await?;
    erase(conn, &[agent.id], actor.clone(), now).await?;
    if gateway_goes {
        delete_empty_gateways(conn, &[agent.gateway_id], &actor, now).await?;
    }
    Ok(())
}

/// Whether the gateway of an agent goes, so that nobody is left who could have it tried again. It
/// stays so, or not, until the transaction ends.
pub(crate) async fn is_final(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<bool> {
    locks::keep(conn, Matter::Being, &[agent.organization_id]).await?;
    departures::lock_leaving_gateway(conn, agent.gateway_id).await
}

async fn delete_empty_gateways(
    conn: &mut PgConnection,
    ids: &[Uuid],
    actor: &Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    skill::departure::forget_gateways(conn, ids).await?;
    let events = departures::delete_empty_gateways(conn, ids)
        .await?
        .iter()
        .map(|gateway| event::gateway_deleted(actor.clone(), gateway, now))
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
