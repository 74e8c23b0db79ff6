//! Syncs that were left without a job, and those that nobody asks about any more.

use std::time::Duration;

use chassis::{Clock, Round};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::store::syncs;

/// From one round to the next.
pub(crate) const PAUSE: Duration = Duration::from_secs(3);
/// How long a sync can be asked about.
const KEPT: TimeDelta = TimeDelta::days(7);
/// Syncs of one round.
const SYNCS: i64 = 500;

/// Goes over the syncs, round after round.
pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Round for Sweeper {
    async fn round(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        syncs::delete_finished(&mut conn, now - KEPT, SYNCS).await?;
        let open = syncs::list_unfinished(&mut conn, SYNCS).await?;
        drop(conn);
        for id in open {
            self.look_after(id, now).await?;
        }
        Ok(())
    }
}

impl Sweeper {
    async fn look_after(&self, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        let Some(sync) = syncs::lock_unfinished(&mut tx, id).await? else {
            return Ok(());
        };
        syncs::settle_strays(&mut tx, id, sync.deadline_at <= now).await?;
        super::finish(&mut tx, &sync, now).await?;
        tx.commit().await
    }
}
