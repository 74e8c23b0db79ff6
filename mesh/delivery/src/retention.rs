//! Forgetting what is settled, once it is older than its organization wants.

use std::time::Duration;

use async_trait::async_trait;
use chassis::{Clock, Round};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::store::retention::{self, Keeping};

/// From one round to the next.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// Organizations looked up at a time.
const ORGANIZATIONS: i64 = 500;
/// Rows deleted in one transaction: few enough that nobody waits for it.
const BATCH: i64 = 500;

/// Deletes what is too old: the owner knows what belongs to whom.
#[async_trait]
pub trait Forgetter: Send + Sync + 'static {
    /// Deletes some of what an organization settled before a moment, `limit` rows of a kind at most. How many; none when
    /// nothing is left that can be deleted now.
    async fn forget(
        &self,
        tx: &mut PgConnection,
        organization_id: Uuid,
        before: DateTime<Utc>,
        limit: i64,
    ) -> sqlx::Result<u64>;
}

/// Notes how many days an organization keeps what is settled; `None` stands for ever.
///
/// # Errors
/// Fails when the database does.
pub async fn keep(
    conn: &mut PgConnection,
    organization_id: Uuid,
    days: Option<i32>,
) -> sqlx::Result<()> {
    retention::set(conn, organization_id, days).await
}

/// Has what is too old forgotten for as long as the server runs: at its start, and then round after round. The pool is that
/// of the owner's schema.
pub fn run(
    server: &mut chassis::Server,
    name: &'static str,
    pool: PgPool,
    forgetter: impl Forgetter,
) {
    let clock = server.clock();
    let sweeper = Sweeper {
        pool,
        clock,
        forgetter,
    };
    server.spawn_rounds(name, PAUSE, sweeper);
}

struct Sweeper<F> {
    pool: PgPool,
    clock: Clock,
    forgetter: F,
}

impl<F: Forgetter> Round for Sweeper<F> {
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

impl<F: Forgetter> Sweeper<F> {
    async fn forget(&self, keeping: &Keeping) -> sqlx::Result<()> {
        let days = TimeDelta::days(keeping.days.into());
        let Some(before) = self.clock.now().checked_sub_signed(days) else {
            return Ok(());
        };
        loop {
            let mut tx = self.pool.begin().await?;
            let id = keeping.organization_id;
            let gone = self.forgetter.forget(&mut tx, id, before, BATCH).await?;
            tx.commit().await?;
            if gone == 0 {
                return Ok(());
            }
        }
    }
}
