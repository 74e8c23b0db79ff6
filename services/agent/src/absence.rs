//! Agents that stop calling go offline by the clock. Whoever reads one sees that at once; here it is told, so that whoever
//! watches hears of it too. Any number of replicas may look: each absence is told once.

use std::time::Duration;

use chassis::{Clock, Round};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    agent::Agent,
    phase::{LEAST_SILENCE, Status},
    store::presence,
    wire::event,
};

/// How often to look.
pub(crate) const POLL: Duration = Duration::from_secs(5);
/// Agents looked at in one go.
const BATCH: i64 = 500;

pub(crate) struct Sweeper {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Round for Sweeper {
    async fn round(&self) -> anyhow::Result<()> {
        let mut after = None;
        while let Some(last) = self.batch(after).await? {
            after = Some(last);
        }
        Ok(())
    }
}

impl Sweeper {
    /// Tells of those among the next silent agents that are offline; the last that it looked at. Most are silent because
    /// they beat seldom.
    async fn batch(&self, after: Option<Uuid>) -> sqlx::Result<Option<Uuid>> {
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let silent = presence::list_silent(&mut conn, now - LEAST_SILENCE, after, BATCH).await?;
        drop(conn);
        let is_offline = |agent: &&Agent| agent.status(now) == Status::Offline;
        let (ids, seen_at): (Vec<_>, Vec<_>) = silent
            .iter()
            .filter(is_offline)
            .filter_map(|agent| Some((agent.id, agent.last_seen_at?)))
            .unzip();
        if !ids.is_empty() {
            let mut tx = self.pool.begin().await?;
            let gone = presence::mark_offline(&mut tx, &ids, &seen_at, now).await?;
            let told = gone
                .iter()
                .map(|agent| event::agent_went_offline(agent, now))
                .collect();
            bus::outbox::append_all(&mut tx, told).await?;
            tx.commit().await?;
        }
        Ok(silent.last().map(|agent| agent.id))
    }
}
