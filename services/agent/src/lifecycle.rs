//! Puts agents in place and takes them away: schedules jobs, works them step by step, and settles them.
//!
//! A job is a delivery on the queue [`QUEUE`]. An attempt goes on with the step that comes next, records each step that it
//! has done, and ends with the first that fails. So a process that dies leaves a job that another one finishes.

#[cfg(test)]
mod fate;
mod plan;
mod settle;
mod steps;

use async_trait::async_trait;
use chassis::Clock;
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    connector::{Failure, Lasts},
    job::Step,
    store,
};

pub(crate) use plan::Planner;
pub(crate) use steps::Steps;

/// Queue of life-cycle jobs; its targets are gateways.
pub(crate) const QUEUE: &str = "lifecycle";

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
                Step::Reset => self.steps.reset(&job, &agent).await?,
                // What is left of it waits for the board: see `settle`.
                Step::Wake if self.steps.is_held(&agent).await? => return Ok(()),
                Step::Wake => self.steps.wake(&job, &agent).await?,
                Step::Remove => self.steps.remove(&job, &agent).await?,
                Step::Done => return Ok(()),
            }
        }
    }
}
