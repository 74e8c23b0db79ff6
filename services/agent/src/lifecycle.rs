//! Puts agents in place: schedules jobs, works them step by step, and settles them.
//!
//! A job is a delivery on the queue [`QUEUE`]. An attempt goes on with the step that comes next, records each step that it
//! has done, and ends with the first that fails. So a process that dies leaves a job that another one finishes.

mod steps;

use std::time::Duration;

use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    agent::Agent,
    connector::{Failure, Lasts},
    job::{Job, Kind, Step},
    phase::Change,
    post, store,
    wire::event,
};

pub(crate) use steps::Steps;

/// Queue of life-cycle jobs; its targets are gateways.
pub(crate) const QUEUE: &str = "lifecycle";

/// Plans jobs.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    /// Time after which a job is given up.
    pub deadline: Duration,
}

impl Planner {
    /// Plans one job per agent, to begin when the transaction commits. The agents are `pending` already.
    pub(crate) async fn plan(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        requested_by: Option<&str>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let jobs: Vec<Job> = agents
            .iter()
            .map(|agent| Job {
                id: Uuid::now_v7(),
                agent_id: agent.id,
                kind: Kind::needed(agent.provisioned_at),
                step: Step::Token,
                requested_by: requested_by.map(str::to_owned),
                again: false,
                created_at: now,
            })
            .collect();
        store::jobs::insert(conn, &jobs).await?;
        let deliveries: Vec<_> = jobs
            .iter()
            .zip(agents)
            .map(|(job, agent)| self.delivery(job, agent, now))
            .collect();
        delivery::enqueue(conn, &deliveries).await
    }

    fn delivery(&self, job: &Job, agent: &Agent, now: DateTime<Utc>) -> delivery::New {
        delivery::New {
            id: job.id,
            queue: QUEUE,
            target: agent.gateway_id.to_string(),
            payload: serde_json::json!({"agent_id": agent.id}),
            due_at: now,
            deadline_at: TimeDelta::from_std(self.deadline)
                .ok()
                .map(|deadline| now + deadline),
        }
    }
}

/// Works the jobs.
pub(crate) struct Worker {
    pub pool: PgPool,
    pub clock: Clock,
    pub planner: Planner,
    pub steps: Steps,
}

/// Why an attempt at a job ended before the job did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    Gateway(#[from] Failure),
    #[error("board_not_found: the board of the agent is gone")]
    BoardGone,
    /// A peer other than the connector.
    #[error("{0}")]
    Peer(String),
    #[error("internal: {0}")]
    Internal(#[source] anyhow::Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl Stop {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Gateway(failure) if failure.lasts == Lasts::AWhile => Outcome::Retry {
                after: failure.retry_after,
            },
            Self::Gateway(_) | Self::BoardGone => Outcome::Dead,
            Self::Peer(_) | Self::Internal(_) => Outcome::Retry { after: None },
        }
    }

    /// What administrators read. The chain of an internal failure stays in the log.
    fn told(&self) -> String {
        match self {
            Self::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "a life-cycle job failed");
                "internal: something failed inside of Mission Control; its log says what".to_owned()
            }
            told => told.to_string(),
        }
    }
}

#[async_trait]
impl Sender for Worker {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.work(delivery.id).await {
            Ok(()) => Attempt::done(),
            Err(stop) => {
                let told = stop.told();
                tracing::info!(job.id = %delivery.id, error = %told, "an attempt at a life-cycle job failed");
                Attempt {
                    outcome: stop.outcome(),
                    ..Attempt::retry(told)
                }
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        let now = self.clock.now();
        match delivery.state {
            State::Waiting | State::Sending => Ok(()),
            State::Failed => self.note(tx, delivery, now).await,
            State::Sent => self.succeed(tx, delivery.id, now).await,
            State::Dead => self.give_up(tx, delivery, now).await,
        }
    }
}

impl Worker {
    async fn work(&self, id: Uuid) -> Result<(), Stop> {
        loop {
            let mut conn = self.pool.acquire().await?;
            // The job is gone with its agent, or somebody finished it: nothing is left to do.
            let Some(job) = store::jobs::find_unfinished(&mut conn, id).await? else {
                return Ok(());
            };
            let Some(agent) = store::agents::find(&mut conn, job.agent_id).await? else {
                return Ok(());
            };
            drop(conn);
            match job.step {
                Step::Token => self.steps.token(&job, &agent).await?,
                Step::Ensure => self.steps.ensure(&job, &agent).await?,
                Step::Files => self.steps.files(&job, &agent).await?,
                Step::Wake => self.steps.wake(&job, &agent).await?,
                Step::Done => return Ok(()),
            }
        }
    }

    /// Shows on the agent why its job has not come further yet.
    async fn note(
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

    async fn succeed(
        &self,
        tx: &mut PgConnection,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(job) = store::jobs::finish(tx, id, now).await? else {
            return Ok(());
        };
        let Some(agent) =
            store::agents::change_phase(tx, job.agent_id, Change::Finish, None, now).await?
        else {
            return Ok(());
        };
        bus::outbox::append(tx, event::agent_provisioned(&agent, now)).await?;
        post::release(tx, &agent, now).await?;
        if job.again {
            let pending =
                store::agents::change_phase(tx, agent.id, Change::Refresh, None, now).await?;
            self.planner
                .plan(tx, pending.as_slice(), job.requested_by.as_deref(), now)
                .await?;
        }
        Ok(())
    }

    async fn give_up(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(job) = store::jobs::finish(tx, delivery.id, now).await? else {
            return Ok(());
        };
        let reason = delivery.last_error.as_deref().unwrap_or("given up");
        let failed =
            store::agents::change_phase(tx, job.agent_id, Change::GiveUp, Some(reason), now)
                .await?;
        if let Some(agent) = failed {
            bus::outbox::append(tx, event::agent_provision_failed(&agent, reason, now)).await?;
        }
        Ok(())
    }
}
