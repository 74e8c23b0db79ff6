//! Onboardings in which nobody says anything any more end by the clock. Any number of replicas may look: each ends once.

use std::time::Duration;

use chassis::Clock;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::Move;
use crate::{store::onboardings, wire::event};

/// How often to look. Whoever reads one whose time is up sees that it has ended all the same.
const POLL: Duration = Duration::from_secs(5);
/// Onboardings that end in one go.
const BATCH: i64 = 100;

pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Sweeper {
    /// Looks until the token is cancelled. What fails is logged and tried again.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let more = self.sweep().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "onboardings cannot be looked through for expired ones");
                false
            });
            let pause = if more { Duration::ZERO } else { POLL };
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return Ok(());
            }
        }
    }

    /// Ends a batch; whether there may be more.
    async fn sweep(&self) -> sqlx::Result<bool> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let expired = onboardings::expire(&mut tx, now, BATCH).await?;
        let ids: Vec<_> = expired.iter().map(|onboarding| onboarding.id).collect();
        onboardings::withdraw(&mut tx, &ids).await?;
        let told = expired
            .iter()
            .map(|onboarding| {
                let actor = chassis::caller::system_actor();
                event::onboarding_changed(actor, onboarding, Some(Move::Expire), now)
            })
            .collect();
        bus::outbox::append_all(&mut tx, told).await?;
        tx.commit().await?;
        Ok(i64::try_from(expired.len()).is_ok_and(|expired| expired >= BATCH))
    }
}
