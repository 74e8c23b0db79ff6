//! What requests that were under way left of things that were deleted meanwhile is cleared away.

use std::time::Duration;

use chassis::{Clock, Round};
use chrono::TimeDelta;
use sqlx::PgPool;

use crate::store::deletions::{self, Kind};

/// How often to look.
pub(crate) const PAUSE: Duration = Duration::from_secs(60);
/// How long it is remembered that something was deleted; far longer than any request lasts.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

pub(crate) struct Leftovers {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Round for Leftovers {
    async fn round(&self) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await?;
        let organizations = deletions::list(&mut conn, Kind::Organization).await?;
        if !organizations.is_empty() {
            deletions::organizations(&mut conn, &organizations).await?;
        }
        let people = deletions::list(&mut conn, Kind::User).await?;
        if !people.is_empty() {
            deletions::people(&mut conn, &people).await?;
        }
        Ok(deletions::prune(&mut conn, self.clock.now() - REMEMBERED).await?)
    }
}
