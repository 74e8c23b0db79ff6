//! Who may have a session to a gateway: one replica at a time, for as long as it renews its lease.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use chassis::Fault;
use sqlx::PgPool;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::{
    error::Error,
    store::lease::{self, Holder},
};

/// The leases of this replica.
pub(crate) struct Leases {
    pool: PgPool,
    holder: Holder,
    ttl: Duration,
    held: Mutex<HashMap<String, Held>>,
}

struct Held {
    /// Grows with every change of hands.
    fence: i64,
    /// When it must not be relied on any more unless it is renewed: somewhat before it expires for others.
    until: Instant,
    used_at: Instant,
    /// Sessions that live on it.
    sessions: usize,
    /// Cancelled when it is gone.
    gone: CancellationToken,
}

/// Who holds a gateway.
pub(crate) enum Claim {
    /// This replica.
    Ours,
    /// Another one, reachable there, for so long unless it renews.
    Theirs {
        address: Option<Url>,
        left: Duration,
    },
}

/// A session that lives on a lease; the lease is kept as long as it is.
pub(crate) struct Lived<'a> {
    leases: &'a Leases,
    gateway_id: &'a str,
}

impl Leases {
    /// Begins without any. `address` is where other replicas reach this one. What a process that died at the same address
    /// has left behind is over, and so is all that is left when no other replica can be (`alone`).
    pub(crate) async fn begin(
        pool: PgPool,
        address: Option<&Url>,
        alone: bool,
        ttl: Duration,
    ) -> sqlx::Result<Self> {
        let holder = Holder {
            instance_id: Uuid::new_v4(),
            address: address.map(Url::to_string).unwrap_or_default(),
        };
        let ended = lease::inherit(&pool, &holder.address, alone).await?;
        if ended > 0 {
            tracing::info!(ended, "leases of an earlier process are over");
        }
        Ok(Self {
            pool,
            holder,
            ttl,
            held: Mutex::default(),
        })
    }

    /// Takes the lease of a gateway, or says who has it.
    pub(crate) async fn claim(&self, gateway_id: &str) -> Result<Claim, Error> {
        if self.is_ours(gateway_id) {
            return Ok(Claim::Ours);
        }
        self.take(gateway_id).await.map_err(|error| {
            tracing::warn!(gateway.id = gateway_id, %error, "the lease of a gateway cannot be had");
            let message = "the connector cannot reach its database";
            Error::Invalid(Fault::unavailable("LEASE_UNAVAILABLE", message))
        })
    }

    /// Whether this replica has the gateway, which counts as a use of it.
    pub(crate) fn is_ours(&self, gateway_id: &str) -> bool {
        let now = Instant::now();
        let mut all = self.held();
        let held = all.get_mut(gateway_id).filter(|held| now < held.until);
        held.is_some_and(|held| {
            held.used_at = now;
            true
        })
    }

    async fn take(&self, gateway_id: &str) -> sqlx::Result<Claim> {
        loop {
            let asked = Instant::now();
            if let Some(fence) =
                lease::acquire(&self.pool, gateway_id, &self.holder, self.ttl).await?
            {
                self.hold(gateway_id, fence, asked);
                return Ok(Claim::Ours);
            }
            // It may have expired between the two statements.
            if let Some(other) = lease::find(&self.pool, gateway_id).await? {
                return Ok(Claim::Theirs {
                    address: other.address.parse().ok(),
                    left: Duration::try_from_secs_f64(other.left).unwrap_or_default(),
                });
            }
        }
    }

    fn hold(&self, gateway_id: &str, fence: i64, asked: Instant) {
        tracing::debug!(gateway.id = gateway_id, fence, "gateway leased");
        let mut all = self.held();
        let held = all.entry(gateway_id.to_owned()).or_insert_with(|| Held {
            fence,
            until: asked,
            used_at: asked,
            sessions: 0,
            gone: CancellationToken::new(),
        });
        held.fence = held.fence.max(fence);
        held.until = held.until.max(asked + self.reliable());
        held.used_at = Instant::now();
    }

    /// Keeps the lease for a session's sake until the guard is dropped.
    pub(crate) fn live<'a>(&'a self, gateway_id: &'a str) -> Lived<'a> {
        if let Some(held) = self.held().get_mut(gateway_id) {
            held.sessions += 1;
        }
        Lived {
            leases: self,
            gateway_id,
        }
    }

    /// Waits until the gateway is not ours any more.
    pub(crate) async fn lost(&self, gateway_id: &str) {
        loop {
            let (until, gone) = match self.held().get(gateway_id) {
                Some(held) => (held.until, held.gone.clone()),
                None => return,
            };
            tokio::select! {
                () = gone.cancelled() => return,
                () = sleep_until(until) => {}
            }
            if self
                .held()
                .get(gateway_id)
                .is_none_or(|held| held.until <= Instant::now())
            {
                self.forget(gateway_id);
                return;
            }
        }
    }

    /// Gives a lease back, unless somebody has asked for the gateway after this moment.
    pub(crate) async fn release(&self, gateway_id: &str, unused_since: Instant) {
        let fence = {
            let mut all = self.held();
            match all.get(gateway_id) {
                Some(held) if held.used_at <= unused_since => {
                    let fence = held.fence;
                    held.gone.cancel();
                    all.remove(gateway_id);
                    fence
                }
                Some(_) | None => return,
            }
        };
        let releasing = lease::release(&self.pool, gateway_id, self.holder.instance_id, fence);
        // What is not given back expires.
        if let Ok(Err(error)) = timeout(self.ttl / 3, releasing).await {
            tracing::debug!(%error, "a lease cannot be given back");
        }
    }

    /// Renews all leases in use, with one statement for all of them, and gives back those that nobody needs, until told to
    /// stop.
    pub(crate) async fn renew(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pace = interval(self.ttl / 5);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = pace.tick() => {}
            }
            let asked = Instant::now();
            let (needed, idle): (Vec<_>, Vec<_>) = {
                let held = self.held();
                let all = held
                    .iter()
                    .map(|(id, held)| (id.clone(), held.is_needed(self.ttl)));
                all.partition(|(_, needed)| *needed)
            };
            for (id, _) in idle {
                self.release(&id, asked).await;
            }
            if !needed.is_empty() {
                self.prolong(needed.into_iter().map(|(id, _)| id).collect())
                    .await;
            }
        }
    }

    async fn prolong(&self, ids: Vec<String>) {
        let asked = Instant::now();
        let renewing = lease::renew(&self.pool, &ids, self.holder.instance_id, self.ttl);
        match timeout(self.ttl / 3, renewing).await {
            Ok(Ok(renewed)) => {
                for id in ids {
                    if renewed.contains(&id) {
                        if let Some(held) = self.held().get_mut(&id) {
                            held.until = held.until.max(asked + self.reliable());
                        }
                    } else if self.forget(&id) {
                        tracing::warn!(gateway.id = %id, "another replica has taken the gateway");
                    }
                }
            }
            // Each ends by itself unless a later attempt succeeds in time.
            Ok(Err(error)) => tracing::warn!(%error, "leases cannot be renewed"),
            Err(_) => tracing::warn!("leases cannot be renewed: the database does not answer"),
        }
    }

    /// Whether it was held until now.
    fn forget(&self, gateway_id: &str) -> bool {
        match self.held().remove(gateway_id) {
            Some(held) => {
                held.gone.cancel();
                true
            }
            None => false,
        }
    }

    fn reliable(&self) -> Duration {
        self.ttl * 4 / 5
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Held {
    fn is_needed(&self, ttl: Duration) -> bool {
        self.sessions > 0 || self.used_at.elapsed() < ttl
    }
}

impl Drop for Lived<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.leases.held().get_mut(self.gateway_id) {
            held.sessions = held.sessions.saturating_sub(1);
        }
    }
}
