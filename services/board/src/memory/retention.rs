//! Forgetting memory that is older than its organization keeps it.

use std::time::Duration;

use chassis::{Clock, Round, Server};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::store::memory::retention::{self, Keeping};

/// From one round to the next.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// Organizations looked up at a time.
const ORGANIZATIONS: i64 = 500;
/// Entries deleted in one transaction: few enough that nobody waits for it.
const BATCH: i64 = 500;

/// Adds to a process what forgets: at its start, and then round after round.
pub(crate) fn spawn(server: &mut Server, pool: PgPool) {
    let clock = server.clock();
    server.spawn_rounds("board.retention", PAUSE, Sweeper { pool, clock });
}

/// Forgets what is too old.
struct Sweeper {
    pool: PgPool,
    clock: Clock,
}

impl Round for Sweeper {
    /// Over every organization that wants it.
    async fn round(&self) -> anyhow::Result<()> {
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
}

impl Sweeper {
    async fn forget(&self, keeping: &Keeping) -> sqlx::Result<()> {
        let id = keeping.organization_id;
        let days = TimeDelta::days(keeping.days.into());
        let Some(before) = self.clock.now().checked_sub_signed(days) else {
            return Ok(());
        };
        while self.forget_some_of_boards(id, before).await? {}
        while self.forget_some_of_groups(id, before).await? {}
        Ok(())
    }

    /// Deletes the oldest entries of boards. Whether there were any.
    async fn forget_some_of_boards(&self, id: Uuid, before: DateTime<Utc>) -> sqlx::Result<bool> {
        let mut tx = self.pool.begin().await?;
        let boards = retention::lock_boards(&mut tx, id, before, BATCH).await?;
        let gone = retention::delete_from_boards(&mut tx, &boards, before, BATCH).await?;
        tx.commit().await?;
        Ok(gone > 0)
    }

    /// Deletes the oldest entries of groups. Whether there were any.
    async fn forget_some_of_groups(&self, id: Uuid, before: DateTime<Utc>) -> sqlx::Result<bool> {
        let mut conn = self.pool.acquire().await?;
        Ok(retention::delete_from_groups(&mut conn, id, before, BATCH).await? > 0)
    }
}
