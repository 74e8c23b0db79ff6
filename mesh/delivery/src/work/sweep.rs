//! Deliveries that nobody is going to finish: expired leases and passed deadlines.

use super::Core;
use crate::{
    attempt::{Recorded, RecordedOutcome},
    policy::{self, Why},
    store::lease,
};

/// What is recorded for an attempt whose worker never reported.
const LOST: &str = "the worker was lost during the attempt";

/// How many deliveries the owner's code may fail on before the rest waits too.
const SKIPS: usize = 20;

impl Core {
    /// Ends attempts whose lease has expired; how many. One that the owner's code fails on is left for the next time. What
    /// this worker itself still has under way is not lost, however late its renewal is: the machine may have slept.
    pub(super) async fn sweep_lost(&self) -> anyhow::Result<usize> {
        let mut ended = 0;
        let mut skipped = Vec::new();
        while skipped.len() < SKIPS {
            let now = self.clock.now();
            let except = [self.held.ids(), skipped.clone()].concat();
            let Some(lost) = lease::find_lost(&self.pool, self.queue, now, &except).await? else {
                break;
            };
            let recorded = Recorded {
                number: lost.delivery.attempts,
                started_at: lost.started_at,
                duration_ms: (now - lost.started_at).num_milliseconds(),
                outcome: RecordedOutcome::Lost,
                error: Some(LOST.to_owned()),
                response_status: None,
                response_body: None,
            };
            let deadline_at = lost.delivery.deadline_at;
            let next = policy::after_loss(&self.policy.schedule, lost.tries, now, deadline_at);
            match self.settle(&lost, &recorded, next).await {
                Ok(()) => ended += 1,
                Err(error) => {
                    tracing::warn!(delivery.id = %lost.delivery.id, "a lost attempt could not be settled: {error:#}");
                    skipped.push(lost.delivery.id);
                }
            }
        }
        Ok(ended)
    }

    /// Gives up what was not sent by its deadline; how many. One that the owner's code fails on is left for the next time.
    pub(super) async fn sweep_expired(&self) -> anyhow::Result<usize> {
        let mut ended = 0;
        let mut skipped = Vec::new();
        let reason = Why::DeadlinePassed.text();
        while skipped.len() < SKIPS {
            let mut tx = self.pool.begin().await?;
            let expired =
                lease::expire(&mut tx, self.queue, self.clock.now(), reason, &skipped).await?;
            let Some(delivery) = expired else {
                break;
            };
            match self.sender.settled(&mut tx, &delivery).await {
                Ok(()) => {
                    tx.commit().await?;
                    self.report_dead(&delivery);
                    ended += 1;
                }
                Err(error) => {
                    tracing::warn!(delivery.id = %delivery.id, "a delivery could not be given up: {error:#}");
                    skipped.push(delivery.id);
                }
            }
        }
        Ok(ended)
    }
}
