//! The pace of many agents at once, for the peer that knows the group of their boards.

use chassis::{Fault, decode};
use proto::{
    agent::v1::{ActingUser, ApplyHeartbeatRequest, ApplyHeartbeatResponse},
    event::v1::{Actor, ActorKind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Desk, directory::MAX_IDS};
use crate::{
    agent::{Agent, heartbeat},
    departure,
    error::Error,
    store::{self, jobs::Follower, paces::Whose},
    wire::event,
};

/// Characters of a duration in words.
const EVERY: usize = 20;
/// How often jobs may begin under the hands of who sets a pace.
const ATTEMPTS: usize = 5;

impl Desk {
    /// Sets the pace and plans to tell it to the gateways of agents that are in place. Of one that is not, its own job tells
    /// it; one that goes cannot be changed.
    pub(super) async fn set_pace(
        &self,
        request: &ApplyHeartbeatRequest,
    ) -> Result<ApplyHeartbeatResponse, Error> {
        let board_ids = decode::ids("board_ids", &request.board_ids, MAX_IDS)?;
        let whose = Whose {
            organization_id: decode::id("organization_id", &request.organization_id)?,
            board_ids: &board_ids,
            leads_too: request.include_board_leads,
        };
        let every = decode::text("every", &request.every, 1, EVERY)?;
        if heartbeat::parse(&every).is_none() {
            let message = "a number and one of ms, s, m, h, d, at most 30d: `10m`";
            return Err(Fault::invalid("every", "INVALID", message).into());
        }
        let actor = actor(request.requested_by.as_ref());
        for _ in 0..ATTEMPTS {
            let mut tx = self.pool.begin().await?;
            if let Some(answer) = self.try_pace(&mut tx, whose, &every, &actor).await? {
                tx.commit().await?;
                return Ok(answer);
            }
        }
        Err(Error::AgentBusy)
    }

    /// The same, unless a job begins meanwhile that may have read the pace of before.
    async fn try_pace(
        &self,
        tx: &mut PgConnection,
        whose: Whose<'_>,
        every: &str,
        actor: &Actor,
    ) -> Result<Option<ApplyHeartbeatResponse>, Error> {
        let now = self.clock.now();
        store::paces::repeat_jobs(tx, whose, every).await?;
        let paced = store::paces::apply(tx, whose, every, now).await?;
        let at_work: Vec<Uuid> = paced
            .iter()
            .filter(|paced| paced.changed && !paced.was_ready)
            .map(|paced| paced.agent.id)
            .collect();
        if store::jobs::is_any_unfollowed(tx, &at_work, Follower::Pace).await? {
            return Ok(None);
        }
        let mut answer = ApplyHeartbeatResponse::default();
        let (mut told, mut placed) = (Vec::new(), Vec::<Agent>::new());
        for paced in paced {
            let id = paced.agent.id.to_string();
            if paced.changed {
                let fields = ["heartbeat_config"];
                told.push(event::agent_updated(
                    actor.clone(),
                    &paced.agent,
                    &fields,
                    now,
                ));
                answer.updated_agent_ids.push(id);
                placed.extend(paced.was_ready.then_some(paced.agent));
            } else if paced.agent.leaving_at.is_some() {
                answer.failed_agent_ids.push(id);
            } else {
                answer.unchanged_agent_ids.push(id);
            }
        }
        let by = departure::requester(actor);
        self.planner.plan_pace(tx, &placed, Some(&by), now).await?;
        bus::outbox::append_all(tx, told).await?;
        Ok(Some(answer))
    }
}

/// On whose behalf the peer asks.
fn actor(given: Option<&ActingUser>) -> Actor {
    let kind = |given: &ActingUser| match given.kind.as_str() {
        "user" => Some(ActorKind::User),
        "agent" => Some(ActorKind::Agent),
        _ => None,
    };
    given
        .and_then(|given| {
            Some(Actor {
                kind: kind(given)?.into(),
                id: Some(given.id.clone()),
                name: given.name.clone(),
            })
        })
        .unwrap_or_else(chassis::caller::system_actor)
}
