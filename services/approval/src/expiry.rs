//! Approvals that nobody decided in time expire, by the clock. Any number of replicas may look: each approval expires once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chassis::Clock;
use chrono::TimeDelta;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    error::Result,
    store::{
        approvals,
        deletions::{self, Kind},
    },
    telling,
};

/// How often to look. A decision that comes between the moment and the look is refused all the same.
const POLL: Duration = Duration::from_secs(1);
/// Approvals that expire in one go.
const BATCH: i64 = 100;
/// How often to clear away what requests under way left of things that were deleted meanwhile.
const CLEAR: Duration = Duration::from_secs(60);
/// How long it is remembered that something was deleted; far longer than any request lasts.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Sweeper {
    /// Looks until the token is cancelled. What fails is logged and tried again.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut cleared = Instant::now();
        loop {
            let more = self.sweep().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "approvals cannot be looked through for expired ones");
                false
            });
            if cleared.elapsed() >= CLEAR {
                cleared = Instant::now();
                if let Err(error) = self.clear().await {
                    tracing::warn!(%error, "what was deleted cannot be cleared away");
                }
            }
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

    /// Lets a batch of due approvals expire, board by board; whether there may be more.
    async fn sweep(&self) -> Result<bool> {
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let due = approvals::list_due(&mut conn, now, BATCH).await?;
        drop(conn);
        let mut boards: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for (board_id, id) in due {
            boards.entry(board_id).or_default().push(id);
        }
        let mut expired = 0;
        for (board_id, ids) in boards {
            // One board that fails does not keep the others waiting.
            match self.expire(board_id, &ids).await {
                Ok(count) => expired += count,
                Err(error) => {
                    tracing::warn!(board.id = %board_id, %error, "approvals cannot expire")
                }
            }
        }
        Ok(i64::try_from(expired).is_ok_and(|expired| expired >= BATCH))
    }

    /// Lets those of these approvals expire that are pending and due.
    pub(crate) async fn expire(&self, board_id: Uuid, ids: &[Uuid]) -> Result<usize> {
        let mut tx = self.pool.begin().await?;
        approvals::lock_board(&mut tx, board_id).await?;
        let expired = telling::expire(&mut tx, board_id, ids, self.clock.now()).await?;
        tx.commit().await?;
        Ok(expired)
    }

    async fn clear(&self) -> Result<()> {
        let mut conn = self.pool.acquire().await?;
        let organizations = deletions::list(&mut conn, Kind::Organization).await?;
        if !organizations.is_empty() {
            deletions::organizations(&mut conn, &organizations).await?;
        }
        let people = deletions::list(&mut conn, Kind::User).await?;
        if !people.is_empty() {
            deletions::people(&mut conn, &people).await?;
        }
        deletions::prune(&mut conn, self.clock.now() - REMEMBERED).await
    }
}
