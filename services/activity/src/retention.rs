//! Takes the content out of rows that organizations no longer want to keep.

use chassis::{Clock, Round};
use chrono::TimeDelta;
use sqlx::PgPool;

use crate::store::retention;

/// Rows that are redacted at once.
const BATCH: i64 = 500;
/// How long the events of an organization that was deleted keep their content: whoever follows the feed hears of the deletion
/// by one of them.
const GRACE: TimeDelta = TimeDelta::minutes(5);

pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Round for Sweeper {
    /// Redacts everything that is due, batch by batch, each in a transaction of its own.
    async fn round(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let mut total = 0;
        loop {
            let mut conn = self.pool.acquire().await?;
            let redacted = retention::redact(&mut conn, now, now - GRACE, BATCH).await?;
            total += redacted;
            if i64::try_from(redacted).is_ok_and(|redacted| redacted < BATCH) {
                break;
            }
        }
        if total > 0 {
            tracing::info!(events = total, "took the content out of old events");
        }
        Ok(())
    }
}
