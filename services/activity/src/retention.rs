//! Takes the content out of rows that organizations no longer want to keep.

use std::time::Duration;

use chassis::Clock;
use chrono::TimeDelta;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::store::retention;

/// Rows that are redacted at once.
const BATCH: i64 = 500;
/// How long the events of an organization that was deleted keep their content: whoever follows the feed hears of the deletion
/// by one of them.
const GRACE: TimeDelta = TimeDelta::minutes(5);

/// Redacts what is due, again and again, until told to stop. Outlives failures of the database.
pub(crate) async fn run(
    pool: PgPool,
    clock: Clock,
    every: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let round = async {
            let outcome = redact(&pool, &clock).await;
            if let Err(error) = outcome {
                tracing::warn!(
                    error = %chassis::fault::chain(&error),
                    "old events could not be redacted; tried again later"
                );
            }
            tokio::time::sleep(every).await;
        };
        if stop.run_until_cancelled(round).await.is_none() {
            return Ok(());
        }
    }
}

/// Redacts everything that is due, batch by batch, each in a transaction of its own.
async fn redact(pool: &PgPool, clock: &Clock) -> sqlx::Result<()> {
    let now = clock.now();
    let mut total = 0;
    loop {
        let redacted =
            retention::redact(&mut *pool.acquire().await?, now, now - GRACE, BATCH).await?;
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
