//! One attempt, from claim to settlement.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chassis::context;
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::{Core, hold::Hold};
use crate::{
    attempt::{Attempt, Recorded, RecordedOutcome},
    policy::{self, Next},
    state::{Delivery, State},
    store::{
        self,
        lease::{self, Claimed},
    },
};

/// How long settling may take in all. After that it hangs, and the lease is not renewed any longer.
const SETTLING: Duration = Duration::from_secs(60);
/// Pauses between attempts to settle; when they are used up the lease runs out and the attempt counts as lost.
const SETTLE_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

impl Core {
    /// Lets the sender try as a part of the request that caused the delivery, and settles. The lease is held until then.
    pub(super) async fn attempt(self: Arc<Self>, claimed: Claimed, _hold: Hold) {
        let span = tracing::info_span!(
            "delivery.attempt",
            otel.kind = "producer",
            delivery.queue = self.queue,
            delivery.id = %claimed.delivery.id,
            delivery.target = claimed.delivery.target,
            delivery.attempt = claimed.delivery.attempts,
            request.id = claimed.context.request_id,
            trace.id = tracing::field::Empty,
        );
        context::adopt(&span, claimed.context.traceparent.as_deref());
        let context = claimed.context.clone();
        context::scope(context, self.try_and_settle(&claimed))
            .instrument(span)
            .await;
    }

    async fn try_and_settle(&self, claimed: &Claimed) {
        let begun = Instant::now();
        let attempt = self.send(&claimed.delivery).await.bounded();
        let took = begun.elapsed();
        metrics::histogram!("delivery_attempt_seconds", "queue" => self.queue).record(took);
        let now = self.clock.now();
        let deadline_at = claimed.delivery.deadline_at;
        let next = policy::next(
            &self.policy.schedule,
            attempt.outcome,
            claimed.tries,
            now,
            deadline_at,
            rand::random(),
        );
        let recorded = Recorded {
            number: claimed.delivery.attempts,
            started_at: claimed.started_at,
            duration_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            outcome: attempt.outcome.into(),
            error: attempt.error,
            response_status: attempt.response_status,
            response_body: attempt.response_body,
        };
        let settled =
            tokio::time::timeout(SETTLING, self.settle_at_last(claimed, &recorded, next)).await;
        let settled = settled
            .with_context(|| format!("it took longer than {SETTLING:?}"))
            .flatten();
        if let Err(error) = settled {
            tracing::error!("an attempt could not be settled and will count as lost: {error:#}");
        }
    }

    async fn settle_at_last(
        &self,
        claimed: &Claimed,
        attempt: &Recorded,
        next: Next,
    ) -> anyhow::Result<()> {
        for pause in SETTLE_PAUSES {
            match self.settle(claimed, attempt, next).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!("an attempt could not be settled yet: {error:#}"),
            }
            tokio::time::sleep(pause).await;
        }
        self.settle(claimed, attempt, next).await
    }

    /// Tries. A panic or a hang is a failure like another.
    async fn send(&self, delivery: &Delivery) -> Attempt {
        let sent = AssertUnwindSafe(self.sender.send(delivery)).catch_unwind();
        match tokio::time::timeout(self.policy.timeout, sent).await {
            Ok(Ok(attempt)) => attempt,
            Ok(Err(_panic)) => Attempt::retry("the sender panicked"),
            Err(_elapsed) => Attempt::retry(format!("no answer within {:?}", self.policy.timeout)),
        }
    }

    /// Records an attempt and moves the delivery on, in one transaction with what the owner does about it.
    pub(super) async fn settle(
        &self,
        claimed: &Claimed,
        attempt: &Recorded,
        next: Next,
    ) -> anyhow::Result<()> {
        let (state, next_attempt_at) = match next {
            Next::Sent => (State::Sent, None),
            Next::Again(at) => (State::Failed, Some(at)),
            Next::Dead(_) => (State::Dead, None),
        };
        let error = last_error(attempt, next);
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let settled = lease::settle(
            &mut tx,
            claimed,
            state,
            next_attempt_at,
            error.as_deref(),
            now,
        )
        .await?;
        let Some(delivery) = settled else {
            tracing::warn!(
                delivery.id = %claimed.delivery.id,
                delivery.fence = claimed.delivery.fence,
                "an attempt ended after its lease, or after its delivery was discarded: its result is void"
            );
            return Ok(());
        };
        store::attempt::insert(&mut tx, delivery.id, attempt).await?;
        self.sender.settled(&mut tx, &delivery).await?;
        tx.commit().await?;
        self.report(&delivery, attempt.outcome);
        Ok(())
    }

    fn report(&self, delivery: &Delivery, outcome: RecordedOutcome) {
        let queue = self.queue;
        metrics::counter!("delivery_attempts_total", "queue" => queue, "outcome" => outcome.word())
            .increment(1);
        let error = delivery.last_error.as_deref().unwrap_or_default();
        let (id, target, attempts) = (delivery.id, &delivery.target, delivery.attempts);
        match delivery.state {
            State::Waiting | State::Sending => {}
            State::Sent => {
                tracing::debug!(delivery.id = %id, delivery.target = target, attempts, "delivered")
            }
            State::Failed => {
                tracing::warn!(delivery.id = %id, delivery.target = target, attempts, "not delivered yet: {error}");
            }
            State::Dead => self.report_dead(delivery),
        }
    }

    pub(super) fn report_dead(&self, delivery: &Delivery) {
        metrics::counter!("delivery_dead_total", "queue" => self.queue).increment(1);
        tracing::error!(
            delivery.queue = self.queue,
            delivery.id = %delivery.id,
            delivery.target = delivery.target,
            attempts = delivery.attempts,
            "given up: {}",
            delivery.last_error.as_deref().unwrap_or_default()
        );
    }
}

/// What to show as the reason; nothing after a success.
fn last_error(attempt: &Recorded, next: Next) -> Option<String> {
    let why = match next {
        Next::Sent => return None,
        Next::Again(_) | Next::Dead(None) => None,
        Next::Dead(Some(why)) => Some(why.text()),
    };
    match (attempt.error.as_deref(), why) {
        (Some(error), Some(why)) => Some(format!("{error}; {why}")),
        (Some(error), None) => Some(error.to_owned()),
        (None, Some(why)) => Some(why.to_owned()),
        (None, None) => Some("failed without a reason".to_owned()),
    }
}
