//! What becomes of an agent when its job succeeds, fails once, or is given up.

use chrono::{DateTime, Utc};
use delivery::Delivery;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Worker;
use crate::{
    agent::Agent,
    departure,
    job::{Job, Kind, Step},
    pause,
    phase::Change,
    post, store, sync,
    wire::event,
};

/// Shown on an agent that waits for its board.
const HELD: &str =
    "board_paused: the agents of the board are paused; this one is woken when they are resumed";

impl Worker {
    /// Shows on the agent why its job has not come further yet.
    pub(super) async fn note(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        if let Some(job) = store::jobs::find_unfinished(tx, delivery.id).await? {
            let error = delivery.last_error.as_deref().unwrap_or_default();
            store::agents::note_error(tx, job.agent_id, error, now).await?;
        }
        Ok(())
    }

    pub(super) async fn succeed(
        &self,
        tx: &mut PgConnection,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(job) = store::jobs::find_unfinished(tx, id).await? else {
            return Ok(());
        };
        if job.step != Step::Done {
            return self.hold(tx, &job, now).await;
        }
        let Some(job) = store::jobs::finish(tx, id, None, now).await? else {
            return Ok(());
        };
        match job.kind {
            Kind::Delete => self.removed(tx, &job, now).await?,
            Kind::Provision | Kind::Update | Kind::Pace => self.placed(tx, &job, now).await?,
        }
        sync::succeeded(tx, &job, now).await?;
        Ok(())
    }

    /// Only waking the agent is left, and its board is paused: the job goes on when the board is resumed.
    async fn hold(
        &self,
        tx: &mut PgConnection,
        job: &Job,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        // Nobody moves it to another board meanwhile.
        let agent = store::agents::lock(tx, job.agent_id).await?;
        let Some(board_id) = agent.and_then(|agent| agent.board_id) else {
            return Ok(());
        };
        if pause::is_on(tx, board_id).await? {
            store::agents::note_error(tx, job.agent_id, HELD, now).await?;
        } else {
            delivery::redeliver_all(tx, &[job.id], now, self.planner.due_by(now)).await?;
        }
        Ok(())
    }

    async fn placed(
        &self,
        tx: &mut PgConnection,
        job: &Job,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(agent) =
            store::agents::change_phase(tx, job.agent_id, Change::Finish, None, now).await?
        else {
            return Ok(());
        };
        bus::outbox::append(tx, event::agent_provisioned(&agent, now)).await?;
        post::release(tx, &agent, now).await?;
        if !job.again && !job.pace_again {
            // Nobody took anything out since the gateway was told: who does that has another job follow this one.
            if !agent.heartbeat_removed.is_empty() {
                store::agents::forget_removed(tx, agent.id).await?;
            }
            return Ok(());
        }
        let pending = store::agents::change_phase(tx, agent.id, Change::Refresh, None, now).await?;
        let (pending, by) = (pending.as_slice(), job.requested_by.as_ref());
        if job.again {
            let wish = job.again_wish;
            self.planner.plan(tx, pending, wish, by, now).await?;
        } else {
            self.planner.plan_pace(tx, pending, by, now).await?;
        }
        Ok(())
    }

    async fn removed(
        &self,
        tx: &mut PgConnection,
        job: &Job,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        if let Some(agent) = store::agents::find(tx, job.agent_id).await? {
            self.forget(tx, &agent, now).await?;
        }
        Ok(())
    }

    async fn forget(
        &self,
        tx: &mut PgConnection,
        agent: &Agent,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        if let Some(agent) = departure::last_of_job(tx, agent).await? {
            departure::finish(tx, &agent, chassis::caller::system_actor(), now).await?;
        }
        Ok(())
    }

    pub(super) async fn give_up(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let reason = delivery.last_error.as_deref().unwrap_or("given up");
        let Some(job) = store::jobs::finish(tx, delivery.id, Some(reason), now).await? else {
            return Ok(());
        };
        if job.kind == Kind::Delete {
            return self.give_up_removal(tx, &job, reason, now).await;
        }
        let failed =
            store::agents::change_phase(tx, job.agent_id, Change::GiveUp, Some(reason), now)
                .await?;
        if let Some(agent) = failed {
            bus::outbox::append(tx, event::agent_provision_failed(&agent, reason, now)).await?;
        }
        sync::given_up(tx, &job, reason, now).await?;
        Ok(())
    }

    /// The gateway does not let go of the agent. Somebody may have it tried again, unless nobody is left who could.
    async fn give_up_removal(
        &self,
        tx: &mut PgConnection,
        job: &Job,
        reason: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(agent) = store::agents::find(tx, job.agent_id).await? else {
            return Ok(());
        };
        if departure::is_final(tx, &agent).await? {
            return self.forget(tx, &agent, now).await;
        }
        let change = Change::GiveUpRemoval;
        let failed = store::agents::change_phase(tx, agent.id, change, Some(reason), now).await?;
        if let Some(agent) = failed {
            let actor = chassis::caller::system_actor();
            bus::outbox::append(tx, event::agent_updated(actor, &agent, &["status"], now)).await?;
        }
        Ok(())
    }
}
