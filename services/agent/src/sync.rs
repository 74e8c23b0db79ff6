//! Template syncs: the files of a gateway's agents are written again, by one job per agent.
//!
//! | Agent | What becomes of it |
//! |---|---|
//! | in place | a job writes its files |
//! | a job of it is under way | another job follows and writes them |
//! | of a paused board | left alone, without a word |
//! | imported, going, failed, or not in place yet | left alone, and named |
//! | the main agent, and there is none | made and put in place |
//!
//! A job that succeeds has updated its agent; one that is given up, or that goes with its agent, has not. The last one to
//! end finishes the sync. A sweep finishes what was left without a job, so that none stays open.
//!
//! Syncs are changed after jobs and agents.

mod sweep;

use chrono::{DateTime, TimeDelta, Utc};
use proto::event::v1::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::{Agent, Role},
    gateway::Gateway,
    job::{Job, Requester, Wish},
    lifecycle::Planner,
    phase::Phase,
    store::{agents, pauses, syncs},
    wire::event,
};

pub(crate) use sweep::{PAUSE, Sweeper};

/// The files of a gateway's agents, written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sync {
    pub id: Uuid,
    pub gateway_id: Uuid,
    pub organization_id: Uuid,
    pub include_main: bool,
    pub reset_sessions: bool,
    pub created_at: DateTime<Utc>,
    /// What has not come to an end by then is given up.
    pub deadline_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What became of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub agent_id: Uuid,
    pub agent_name: String,
    /// `None`: the main agent of the gateway.
    pub board_id: Option<Uuid>,
    pub state: State,
    /// Why it was skipped; `None` when its board is paused.
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its job goes on.
    Pending,
    /// Its files were written.
    Updated,
    /// It was left alone, or its job gave up.
    Skipped,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Updated => "updated",
            Self::Skipped => "skipped",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Updated, Self::Skipped]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// What somebody wants of a sync.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub include_main: bool,
    pub lead_only: bool,
    /// Agents of this board only.
    pub board_id: Option<Uuid>,
    /// What each job does beyond writing files.
    pub wish: Wish,
}

impl Options {
    fn mean(&self, agent: &Agent) -> bool {
        match agent.role() {
            Role::Main => self.include_main,
            Role::Lead => self.board_id.is_none_or(|id| agent.board_id == Some(id)),
            Role::Worker => {
                !self.lead_only && self.board_id.is_none_or(|id| agent.board_id == Some(id))
            }
        }
    }
}

/// Why an agent is left alone that is no part of the sync at all, whatever its jobs do.
fn refusal(agent: &Agent) -> Option<&'static str> {
    if agent.leaving_at.is_some() {
        Some("it is being deleted")
    } else if agent.is_imported() {
        Some("it was imported: its files are its own")
    } else if agent.phase == Phase::Failed {
        Some("its last job was given up: try it again")
    } else if agent.provisioned_at.is_none() {
        Some("it is not in place yet")
    } else {
        None
    }
}

const ELSEWHERE: &str = "another job of it began at the same moment";

/// Plans a sync of a gateway that is held against changes and has none under way, and tells of it.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    planner: &Planner,
    gateway: &Gateway,
    options: Options,
    (by, actor): (Option<&Requester>, Actor),
    now: DateTime<Utc>,
) -> sqlx::Result<(Sync, Vec<Entry>)> {
    let id = Uuid::now_v7();
    let mut agents = crate::store::gateways::list_agents(conn, gateway.id).await?;
    agents.retain(|agent| options.mean(agent));
    let boards: Vec<Uuid> = agents.iter().filter_map(|agent| agent.board_id).collect();
    let paused = pauses::list(conn, &boards).await?;
    let is_paused = |agent: &Agent| agent.board_id.is_some_and(|id| paused.contains(&id));

    let meant: Vec<Uuid> = agents
        .iter()
        .filter(|agent| !is_paused(agent) && refusal(agent).is_none())
        .map(|agent| agent.id)
        .collect();
    let wish = Wish {
        wake: false,
        sync_id: Some(id),
        ..options.wish
    };
    let mut pending = planner.follow_up(conn, &meant, wish).await?;
    if options.include_main
        && let Some(main) = make_main(conn, gateway, now).await?
    {
        let mains = std::slice::from_ref(&main);
        planner.plan(conn, mains, wish, by, now).await?;
        bus::outbox::append(conn, event::agent_created(actor.clone(), &main, now)).await?;
        pending.push(main.id);
        agents.push(main);
    }
    let idle: Vec<Uuid> = meant
        .iter()
        .copied()
        .filter(|id| !pending.contains(id))
        .collect();
    let begun = syncs::refresh(conn, &idle, now).await?;
    planner.plan(conn, &begun, wish, by, now).await?;
    pending.extend(begun.iter().map(|agent| agent.id));

    let entries: Vec<Entry> = agents
        .iter()
        .map(|agent| {
            let (state, message) = if pending.contains(&agent.id) {
                (State::Pending, None)
            } else if is_paused(agent) {
                (State::Skipped, None)
            } else {
                (State::Skipped, Some(refusal(agent).unwrap_or(ELSEWHERE)))
            };
            Entry {
                agent_id: agent.id,
                agent_name: agent.name.clone(),
                board_id: agent.board_id,
                state,
                message: message.map(str::to_owned),
            }
        })
        .collect();
    let sync = Sync {
        id,
        gateway_id: gateway.id,
        organization_id: gateway.organization_id,
        include_main: options.include_main,
        reset_sessions: options.wish.reset_session,
        created_at: now,
        deadline_at: deadline(planner, now),
        finished_at: pending.is_empty().then_some(now),
    };
    syncs::insert(conn, &sync, &entries).await?;
    let refreshed = begun
        .iter()
        .map(|agent| event::agent_updated(actor.clone(), agent, &["status"], now));
    bus::outbox::append_all(conn, refreshed.collect()).await?;
    let started = event::templates_synced(actor, &sync, &entries, false, now);
    bus::outbox::append(conn, started).await?;
    if sync.finished_at.is_some() {
        tell_finished(conn, &sync, &entries, now).await?;
    }
    Ok((sync, entries))
}

/// The main agent of a gateway that is held against changes, when somebody has deleted it: a gateway without one is mute.
async fn make_main(
    conn: &mut PgConnection,
    gateway: &Gateway,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    let known = agents::main_of(conn, gateway.organization_id, gateway.id).await?;
    if !matches!(known, Some((_, None))) {
        return Ok(None);
    }
    let main = Agent::main_of(gateway, now);
    agents::insert(conn, &main).await?;
    Ok(Some(main))
}

/// A job that is under way may take its time, and the one that follows it as well.
fn deadline(planner: &Planner, now: DateTime<Utc>) -> DateTime<Utc> {
    let longest = planner.deadline * 2 + planner.attempt * 2;
    TimeDelta::from_std(longest)
        .ok()
        .and_then(|longest| now.checked_add_signed(longest))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A job did what it was for.
pub(crate) async fn succeeded(
    conn: &mut PgConnection,
    job: &Job,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    match job.wish.sync_id {
        Some(id) => settle(conn, id, job.agent_id, State::Updated, None, now).await,
        None => Ok(()),
    }
}

/// A job was given up, and with it the one that was to follow.
pub(crate) async fn given_up(
    conn: &mut PgConnection,
    job: &Job,
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    for id in [job.wish.sync_id, job.again_wish.sync_id]
        .into_iter()
        .flatten()
    {
        let (agent, reason) = (job.agent_id, Some(reason));
        settle(conn, id, agent, State::Skipped, reason, now).await?;
    }
    Ok(())
}

async fn settle(
    conn: &mut PgConnection,
    id: Uuid,
    agent_id: Uuid,
    state: State,
    message: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(sync) = syncs::lock_unfinished(conn, id).await? else {
        return Ok(());
    };
    syncs::settle(conn, id, agent_id, state, message).await?;
    finish(conn, &sync, now).await
}

/// Finishes a sync that is held once none of its jobs goes on.
async fn finish(conn: &mut PgConnection, sync: &Sync, now: DateTime<Utc>) -> sqlx::Result<()> {
    if !syncs::finish(conn, sync.id, now).await? {
        return Ok(());
    }
    let finished = Sync {
        finished_at: Some(now),
        ..sync.clone()
    };
    let entries = syncs::list_entries(conn, sync.id).await?;
    tell_finished(conn, &finished, &entries, now).await
}

async fn tell_finished(
    conn: &mut PgConnection,
    sync: &Sync,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let actor = chassis::caller::system_actor();
    let told = event::templates_synced(actor, sync, entries, true, now);
    bus::outbox::append(conn, told).await
}
