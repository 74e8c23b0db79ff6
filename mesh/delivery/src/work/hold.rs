//! Staying the holder of what is under way: leases are short, and renewed for as long as the worker lives.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anyhow::Context as _;
use chrono::TimeDelta;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::Core;
use crate::{state::Delivery, store::lease};

/// How long a worker may be silent before its attempts count as lost. Long enough for two renewals to fail on a machine
/// or a database that is overloaded, and for clocks that differ by some seconds; short enough that what a crash
/// interrupted goes on soon.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(10);
/// How often leases are renewed, and how long one renewal may take: after two that failed there is still time for a third.
const RENEW: Duration = Duration::from_secs(3);

/// What a worker has under way: id and fence of every attempt.
#[derive(Default)]
pub(super) struct Held(Mutex<HashSet<(Uuid, i64)>>);

/// One attempt under way, until it is dropped.
pub(super) struct Hold {
    held: Arc<Held>,
    attempt: (Uuid, i64),
}

impl Held {
    pub(super) fn hold(self: &Arc<Self>, delivery: &Delivery) -> Hold {
        let attempt = (delivery.id, delivery.fence);
        self.attempts().insert(attempt);
        Hold {
            held: Arc::clone(self),
            attempt,
        }
    }

    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.attempts().iter().map(|(id, _fence)| *id).collect()
    }

    fn attempts(&self) -> MutexGuard<'_, HashSet<(Uuid, i64)>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.attempts().remove(&self.attempt);
    }
}

impl Core {
    /// Renews, for ever, the leases of what is under way. Runs beside the worker's loop, which may be busy for longer than a
    /// lease lasts.
    pub(super) async fn keep_leases(self: Arc<Self>) {
        let mut tick = tokio::time::interval(RENEW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let renewed = tokio::time::timeout(RENEW, self.renew_leases()).await;
            let renewed = renewed.context("the database does not answer").flatten();
            if let Err(error) = renewed {
                tracing::warn!(
                    delivery.queue = self.queue,
                    "leases could not be renewed yet: {error:#}"
                );
            }
        }
    }

    async fn renew_leases(&self) -> anyhow::Result<()> {
        let (ids, fences): (Vec<_>, Vec<_>) = self.held.attempts().iter().copied().unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let mut conn = self.pool.acquire().await?;
        // Read late: the connection may have been waited for.
        let leased_until = self.clock.now() + LEASE;
        Ok(lease::renew(&mut conn, &ids, &fences, leased_until).await?)
    }
}
