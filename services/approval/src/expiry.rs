//! Approvals that nobody decided in time expire, by the clock. Any number of replicas may look: each approval expires once.

use std::{collections::BTreeMap, time::Duration};

use chassis::{Clock, Round};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{error::Result, store::approvals, telling};

/// How often to look. A decision that comes between the moment and the look is refused all the same.
pub(crate) const POLL: Duration = Duration::from_secs(1);
/// Approvals that expire in one go.
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
}
