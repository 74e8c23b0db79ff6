//! Working a queue: claim what is due, let the sender try, settle.

mod attempt;
mod bell;
mod hold;
mod sweep;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chassis::Clock;
use sqlx::{PgConnection, PgPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{
    bell::Bell,
    hold::{Held, LEASE},
};
use crate::{
    attempt::Attempt,
    policy::Policy,
    state::Delivery,
    store::lease::{self, Claimed},
};

/// How long to trust that no news is no work. Notifications make it quick; this makes it certain.
const POLL: Duration = Duration::from_secs(5);
/// How often to look at what is planned. Timers follow the machine, deliveries the server's clock, and that may be moved.
const PLANNED: Duration = Duration::from_secs(1);
/// How often to look whether another worker made room at a target.
const CROWDED: Duration = Duration::from_millis(250);
/// Pause after the database failed.
const AWAY: Duration = Duration::from_secs(1);

/// Brings deliveries to their target.
#[async_trait]
pub trait Sender: Send + Sync + 'static {
    /// Tries once. At least once means that the target may see the same delivery again: its id tells.
    async fn send(&self, delivery: &Delivery) -> Attempt;

    /// Called in the transaction that settles an attempt or gives a delivery up, with the delivery as it is now: emit
    /// events and update the owner's rows here. When it fails the attempt is settled again, and at last counts as lost.
    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        let (_tx, _delivery) = (tx, delivery);
        Ok(())
    }
}

/// Works a queue for as long as the server runs. The pool is that of the owner's schema.
pub fn run(
    server: &mut chassis::Server,
    queue: &'static str,
    pool: PgPool,
    policy: Policy,
    sender: impl Sender,
) {
    let worker = Worker::new(queue, pool, server.clock(), policy, sender);
    server.spawn("delivery", |token| worker.run(token));
}

/// A worker of one queue. Any number may run at once, in any number of processes.
pub struct Worker {
    core: Arc<Core>,
}

/// What a worker shares with its attempts.
struct Core {
    queue: &'static str,
    pool: PgPool,
    clock: Clock,
    policy: Policy,
    sender: Box<dyn Sender>,
    held: Arc<Held>,
}

impl Worker {
    /// A worker, to be run.
    pub fn new(
        queue: &'static str,
        pool: PgPool,
        clock: Clock,
        policy: Policy,
        sender: impl Sender,
    ) -> Self {
        let sender = Box::new(sender);
        Self {
            core: Arc::new(Core {
                queue,
                pool,
                clock,
                policy,
                sender,
                held: Arc::default(),
            }),
        }
    }

    /// Runs until the token is cancelled, then finishes the attempts at hand. A database that is away is waited for.
    ///
    /// # Errors
    /// Never; the signature is that of a supervised task.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let core = self.core;
        let mut bell = Bell::new(core.pool.clone(), core.queue);
        let mut running = JoinSet::new();
        // Ends with this scope, after the last attempt.
        let mut keeper = JoinSet::new();
        keeper.spawn(Arc::clone(&core).keep_leases());
        while !token.is_cancelled() {
            let wait = core.step(&mut running).await.unwrap_or_else(|error| {
                tracing::warn!(
                    delivery.queue = core.queue,
                    "the queue cannot be worked: {error:#}"
                );
                AWAY
            });
            tokio::select! {
                () = token.cancelled() => break,
                Some(_ended) = running.join_next() => {}
                () = bell.rung(wait) => {}
            }
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }
}

impl Core {
    /// Does what can be done now; how long nothing is to be expected after that.
    async fn step(self: &Arc<Self>, running: &mut JoinSet<()>) -> anyhow::Result<Duration> {
        while running.try_join_next().is_some() {}
        let outlook = lease::outlook(&self.pool, self.queue, self.clock.now()).await?;
        if outlook.lost || outlook.expired {
            let ended = self.sweep_lost().await? + self.sweep_expired().await?;
            if ended > 0 {
                return Ok(Duration::ZERO);
            }
        }
        let room = self.policy.concurrency.saturating_sub(running.len());
        if room == 0 {
            return Ok(POLL);
        }
        if outlook.due {
            let claimed = self.claim(room).await?;
            let wait = if claimed.is_empty() {
                CROWDED
            } else {
                Duration::ZERO
            };
            for claimed in claimed {
                let hold = self.held.hold(&claimed.delivery);
                running.spawn(Arc::clone(self).attempt(claimed, hold));
            }
            return Ok(wait);
        }
        Ok(outlook.next.map_or(POLL, |at| {
            let wait = (at - self.clock.now()).to_std().unwrap_or_default();
            wait.clamp(Duration::from_millis(1), PLANNED)
        }))
    }

    async fn claim(&self, room: usize) -> anyhow::Result<Vec<Claimed>> {
        let per_target = i64::try_from(self.policy.per_target)?;
        let mut tx = self.pool.begin().await?;
        // Read late: the connection may have been waited for.
        let now = self.clock.now();
        let claimed = lease::claim(
            &mut tx,
            self.queue,
            now,
            now + LEASE,
            per_target,
            i64::try_from(room)?,
        )
        .await?;
        tx.commit().await?;
        Ok(claimed)
    }
}
