//! Moves a schema's outbox to the transport.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{backoff::Backoff, lease::Lease, store, transport::Transport};

/// Rows published with one call.
const BATCH: i64 = 200;
/// How long to trust that no news is no work. Notifications make it quick; this makes it certain.
const POLL: Duration = Duration::from_secs(5);

/// The relay of one schema. Any number may run; one is active, the others stand by.
pub struct Relay {
    owner: &'static str,
    pool: PgPool,
    transport: Arc<dyn Transport>,
}

impl Relay {
    pub(crate) fn new(owner: &'static str, pool: PgPool, transport: Arc<dyn Transport>) -> Self {
        Self {
            owner,
            pool,
            transport,
        }
    }

    /// Runs until the token is cancelled. What keeps it from working (database or broker away) is logged and tried again
    /// with back-off; the events wait in the outbox meanwhile.
    ///
    /// # Errors
    /// Never; the signature is that of a supervised task.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = Backoff::default();
        loop {
            let Some(result) = token.run_until_cancelled(self.session(&mut backoff)).await else {
                return Ok(());
            };
            let pause = backoff.next();
            if let Err(error) = result {
                tracing::warn!(
                    relay.owner = self.owner,
                    ?pause,
                    "the relay pauses: {error:#}"
                );
            }
            if token
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return Ok(());
            }
        }
    }

    /// Works until something fails.
    async fn session(&self, backoff: &mut Backoff) -> anyhow::Result<()> {
        let schema: String = sqlx::query_scalar("select current_schema()")
            .fetch_one(&self.pool)
            .await?;
        let channel = format!("outbox_{schema}");
        let mut lease =
            Lease::acquire(&self.pool, &format!("bus.relay.{schema}"), &channel).await?;
        tracing::debug!(relay.owner = self.owner, "the relay is active");
        loop {
            if self.step().await? == 0 {
                lease.notified(POLL).await?;
            }
            backoff.reset();
        }
    }

    /// Publishes the oldest rows and deletes what the transport confirmed; the number moved. Stopped in between, it
    /// publishes the same again at the next start, and consumers recognise what they had.
    async fn step(&self) -> anyhow::Result<usize> {
        let pending = store::outbox::list(&self.pool, BATCH).await?;
        let lag = pending.first().map_or(0.0, |oldest| oldest.age);
        metrics::gauge!("bus_outbox_lag_seconds", "owner" => self.owner).set(lag);
        if pending.is_empty() {
            return Ok(0);
        }
        let (ids, messages): (Vec<i64>, Vec<_>) = pending
            .into_iter()
            .map(|pending| (pending.id, pending.message))
            .unzip();
        self.transport.publish(messages).await?;
        store::outbox::delete(&self.pool, &ids).await?;
        metrics::counter!("bus_published_total", "owner" => self.owner).increment(ids.len() as u64);
        Ok(ids.len())
    }
}
