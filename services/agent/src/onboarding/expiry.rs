//! Onboardings in which nobody says anything any more end by the clock. Any number of replicas may look: each ends once.

use std::time::Duration;

use chassis::{Clock, Round};
use sqlx::PgPool;

use super::Move;
use crate::{store::onboardings, wire::event};

/// How often to look. Whoever reads one whose time is up sees that it has ended all the same.
pub(crate) const POLL: Duration = Duration::from_secs(5);
/// Onboardings that end in one go.
const BATCH: i64 = 100;

pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Round for Sweeper {
    async fn round(&self) -> anyhow::Result<()> {
        while self.sweep().await? {}
        Ok(())
    }
}

impl Sweeper {
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
