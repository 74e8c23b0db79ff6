//! Changing an agent: what differs is brought to its gateway, and nothing else happens.

use chassis::{Caller, Fault, decode};
use proto::agent::v1::UpdateAgentRequest;
use sqlx::PgConnection;

use crate::{
    agent::{
        Agent, Role,
        change::{Changed, Place, Wanted},
        heartbeat,
    },
    departure,
    error::Error,
    job::{Requester, Wish},
    phase::{Change, Phase},
    rpc::{Desk, gateways::person, input},
    soul::history::{self, Origin},
    store::{self, departures},
    teardown::{self, Leftover},
    waking,
    wire::event,
};

/// How often to begin anew when a job of the agent begins or ends at the same moment.
const TRIES: usize = 5;

impl Desk {
    pub(super) async fn change(
        &self,
        caller: &Caller,
        request: UpdateAgentRequest,
    ) -> Result<Agent, Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        let before = self.own_agent(caller, id).await?;
        let force = request.force.unwrap_or(false);
        let wanted = self.wanted(caller, &before, request).await?;
        for _ in 0..TRIES {
            if before.leaving_at.is_some() {
                return Err(Error::AgentLeaving);
            }
            if let Some(agent) = self.try_change(caller, &before, &wanted, force).await? {
                return Ok(agent);
            }
        }
        Err(Error::AgentBusy)
    }

    /// What the request wants, as far as that can be judged without changing anything.
    async fn wanted(
        &self,
        caller: &Caller,
        before: &Agent,
        request: UpdateAgentRequest,
    ) -> Result<Wanted, Error> {
        let mask = decode::mask(request.update_mask);
        let mut wanted = Wanted::default();
        if mask.has("status") {
            let message = "the status of an agent is computed";
            return Err(Fault::forbidden("STATUS_READ_ONLY", message).into());
        }
        if mask.has("is_gateway_main") {
            let main = decode::required("is_gateway_main", request.is_gateway_main)?;
            if main != (before.role() == Role::Main) {
                let message = "what an agent is for does not change";
                return Err(Fault::rejected("ROLE_FIXED", "is_gateway_main", message).into());
            }
        }
        if mask.has("name") {
            let name = decode::required("name", request.name)?;
            wanted.name = Some(input::agent_name(&name)?);
        }
        if mask.has("heartbeat_config") {
            let config = input::heartbeat_config(request.heartbeat_config.as_ref())?;
            wanted.heartbeat_config = Some(config);
        }
        if mask.has("identity_profile") {
            let profile = input::identity_profile(request.identity_profile.as_ref())?;
            wanted.identity_profile = Some(profile);
        }
        if mask.has("identity_template") {
            let text = input::file("identity_template", request.identity_template.as_deref())?;
            wanted.identity_template = Some(text);
        }
        if mask.has("soul_template") {
            let text = input::file("soul_template", request.soul_template.as_deref())?;
            wanted.soul_template = Some(text);
        }
        if mask.has("board_id") {
            let board_id = decode::required("board_id", request.board_id)?;
            wanted.place = Some(self.place(caller, before, &board_id).await?);
        }
        Ok(wanted)
    }

    /// Where an agent is to go. Only workers move, and those that were imported stay on their gateway.
    async fn place(&self, caller: &Caller, before: &Agent, board_id: &str) -> Result<Place, Error> {
        let (board, scope) = self.writable_board(caller, board_id).await?;
        let board_id = decode::id("board_id", &board.id)?;
        let rejected = |reason, message| Error::from(Fault::rejected(reason, "board_id", message));
        if before.board_id == Some(board_id) {
            return Ok(Place {
                board_id,
                gateway_id: before.gateway_id,
            });
        }
        if before.role() != Role::Worker {
            let message = "only workers move from board to board";
            return Err(rejected("LEAD_CANNOT_MOVE", message));
        }
        let gateway_id = scope
            .gateway_id
            .ok_or_else(|| rejected("GATEWAY_REQUIRED", "the board has no gateway"))?;
        if before.is_imported() && gateway_id != before.gateway_id {
            let message = "it was on its gateway before Mission Control knew it, and stays there";
            return Err(rejected("IMPORTED_CANNOT_MOVE", message));
        }
        Ok(Place {
            board_id,
            gateway_id,
        })
    }

    /// Changes the agent, or answers it as it is when nothing differs; `None` when a job began or ended meanwhile.
    ///
    /// Deliveries are changed before jobs, jobs before agents, as whoever settles a job does it.
    async fn try_change(
        &self,
        caller: &Caller,
        seen: &Agent,
        wanted: &Wanted,
        force: bool,
    ) -> Result<Option<Agent>, Error> {
        let by = person(caller);
        let mut tx = self.pool.begin().await?;
        let current = store::agents::find(&mut tx, seen.id).await?;
        let current = current.ok_or(Error::AgentNotFound)?;
        let expected = wanted.apply(&current);
        if expected.fields.is_empty() && !force {
            return Ok(Some(current));
        }
        let wish = Wish {
            wake: force || expected.from_board_id.is_some(),
            force_bootstrap: force,
            ..Wish::default()
        };
        let mut step = Step {
            desk: self,
            tx: &mut tx,
            by: by.as_ref(),
            wish,
            force,
        };
        if let Some(place) = wanted.place {
            // When the board that it leaves goes, it goes with it.
            let whereabouts: Vec<_> = current
                .board_id
                .into_iter()
                .chain([place.board_id, current.organization_id])
                .collect();
            if departure::is_any_gone(step.tx, &whereabouts).await? {
                return Err(Error::BoardNotFound);
            }
            if !store::gateways::is_staying(step.tx, place.gateway_id).await? {
                return Err(Error::GatewayNotFound);
            }
        }
        let under_way = step.prepare(&expected).await?;
        let locked = store::agents::lock(step.tx, seen.id).await?;
        let locked = locked.ok_or(Error::AgentLeaving)?;
        let now = self.clock.now();
        let mut changed = wanted.apply(&locked);
        if changed.fields != expected.fields || changed.leaves_gateway != expected.leaves_gateway {
            return Ok(None);
        }
        if heartbeat::is_too_much(&changed.agent.heartbeat_removed) {
            let message = "too many keys that were taken out are on the gateway still: try again when it was told of them";
            return Err(Fault::conflict("HEARTBEAT_KEYS_WAIT", message).into());
        }
        changed.agent.updated_at = now;
        store::agents::update(step.tx, &changed.agent).await?;
        let Some(agent) = step.follow(&locked, &changed, under_way).await? else {
            return Ok(None);
        };
        let mut fields = changed.fields.clone();
        fields.extend((agent.phase != locked.phase).then_some("status"));
        let actor = caller.event_actor();
        if fields.contains(&"soul_template") {
            history::add(&mut tx, &agent, &actor, Origin::default(), now).await?;
        }
        let told = match changed.from_board_id {
            Some(from) => event::agent_moved(actor, &agent, from, &fields, now),
            None => event::agent_updated(actor, &agent, &fields, now),
        };
        if !fields.is_empty() {
            bus::outbox::append(&mut tx, told).await?;
        }
        tx.commit().await?;
        Ok(Some(agent))
    }
}

/// What is done about the jobs of an agent that is changed.
struct Step<'a> {
    desk: &'a Desk,
    tx: &'a mut PgConnection,
    by: Option<&'a Requester>,
    wish: Wish,
    force: bool,
}

/// The work on an agent at the moment of its change.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    /// A job follows the one under way.
    is_followed: bool,
    /// An attempt was at work on its old gateway, or at clearing up on the new one: what comes now waits for its end.
    waits: bool,
}

impl Step<'_> {
    /// Has another job follow the one under way; or ends it when the agent leaves its gateway.
    async fn prepare(&mut self, expected: &Changed) -> Result<UnderWay, Error> {
        let (id, planner) = (expected.agent.id, &self.desk.planner);
        if expected.leaves_gateway {
            let jobs = departures::list_unfinished_jobs(self.tx, &[id]).await?;
            let ids: Vec<_> = jobs.iter().map(|(id, _, _)| *id).collect();
            delivery::discard_all(self.tx, &ids).await?;
            let clearing = teardown::cancel(self.tx, id, expected.agent.gateway_id).await?;
            waking::forget(self.tx, &[id]).await?;
            departures::finish_jobs(self.tx, &ids, self.desk.clock.now()).await?;
            return Ok(UnderWay {
                is_followed: false,
                waits: clearing || jobs.iter().any(|(_, _, under_way)| *under_way),
            });
        }
        let followed = if expected.is_pace() && !self.force {
            store::jobs::repeat_pace(self.tx, &[id]).await?
        } else {
            planner.follow_up(self.tx, &[id], self.wish).await?
        };
        Ok(UnderWay {
            is_followed: !followed.is_empty(),
            waits: false,
        })
    }

    /// Brings the change to the gateway; the agent as it is then.
    async fn follow(
        &mut self,
        before: &Agent,
        changed: &Changed,
        under_way: UnderWay,
    ) -> Result<Option<Agent>, Error> {
        let (now, planner) = (changed.agent.updated_at, &self.desk.planner);
        if changed.from_board_id.is_some() {
            let told = departures::delete_open_notices(self.tx, before.id).await?;
            delivery::discard_all(self.tx, &told).await?;
        }
        if changed.leaves_gateway {
            return self.leave(before, under_way).await;
        }
        if changed.from_board_id.is_some() {
            // What waited for the board that it leaves waits for nobody now.
            let held = store::pauses::take_up_held_jobs(self.tx, before.id).await?;
            delivery::redeliver_all(self.tx, &held, now, planner.due_by(now)).await?;
        }
        let agent = &changed.agent;
        if changed.is_pace() && !self.force && before.phase == Phase::Ready {
            let change = Change::Refresh;
            let pending = store::agents::change_phase(self.tx, agent.id, change, None, now).await?;
            planner
                .plan_pace(self.tx, pending.as_slice(), self.by, now)
                .await?;
            return Ok(pending);
        }
        let followed = under_way.is_followed;
        Ok(planner
            .renew(self.tx, agent, followed, self.wish, self.by, now)
            .await?)
    }

    /// The agent begins anew on another gateway. Its token ends: on the old one it would still be used.
    async fn leave(&mut self, before: &Agent, under_way: UnderWay) -> Result<Option<Agent>, Error> {
        let (now, planner) = (self.desk.clock.now(), &self.desk.planner);
        // What was planned before the agent stood still would work on the old gateway still.
        if store::jobs::exists_unfinished(self.tx, before.id).await? {
            return Ok(None);
        }
        departures::revoke_tokens(self.tx, &[before.id]).await?;
        let agent = store::agents::begin_anew(self.tx, before.id, now).await?;
        let begins = if under_way.waits {
            planner.ended_by(now)
        } else {
            now
        };
        planner
            .plan_from(self.tx, &agent, self.wish, self.by, begins, now)
            .await?;
        Leftover::of(before)
            .enqueue(self.tx, begins, planner.due_by(begins))
            .await?;
        bus::outbox::append(self.tx, event::agent_token_changed(&agent, now)).await?;
        Ok(Some(agent))
    }
}
