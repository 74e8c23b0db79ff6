//! Forgetting what was delivered, and what was given up, once it is older than its organization wants.

use std::time::Duration;

use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use crate::store::retention::{self, Keeping};

/// From one round to the next.
pub(crate) const PAUSE: Duration = Duration::from_secs(10 * 60);
/// Organizations looked up at a time.
const ORGANIZATIONS: i64 = 500;
/// Deliveries deleted in one transaction: few enough that nobody waits for it.
const BATCH: i64 = 500;

/// Forgets what is too old.
#[derive(Clone)]
pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Sweeper {
    /// One round over every organization that wants it. What fails is left to the next round.
    pub(crate) async fn round(&self) {
        if let Err(error) = self.sweep().await {
            tracing::warn!("old webhook deliveries could not be deleted: {error}");
        }
    }

    async fn sweep(&self) -> sqlx::Result<()> {
        let mut after = None;
        loop {
            let mut conn = self.pool.acquire().await?;
            let found = retention::list(&mut conn, after, ORGANIZATIONS).await?;
            drop(conn);
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = Some(last.organization_id);
            for keeping in &found {
                self.forget(keeping).await?;
            }
        }
    }

    async fn forget(&self, keeping: &Keeping) -> sqlx::Result<()> {
        let Some(before) = horizon(self.clock.now(), keeping.days) else {
            return Ok(());
        };
        loop {
            let mut conn = self.pool.acquire().await?;
            let id = keeping.organization_id;
            if retention::delete_settled(&mut conn, id, before, BATCH).await? == 0 {
                return Ok(());
            }
        }
    }
}

/// The moment before which everything is too old; none when there is no such moment.
fn horizon(now: DateTime<Utc>, days: i32) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::days(days.into()))
}
