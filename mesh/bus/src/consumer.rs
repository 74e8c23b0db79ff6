//! Gives a group's events to its handler: in order, each with its effect once.

mod batch;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use proto::event::v1::Event;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    store,
    topic::Topics,
    transport::{Incoming, Inflow, Transport, Verdict},
};

/// Events handled in one transaction.
const BATCH: usize = 50;
/// Far beyond the longest time between two deliveries of one message.
const INBOX_DAYS: i32 = 14;
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);
const PRUNE_ROWS: i64 = 10_000;

/// What a group does with an event.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one event in the transaction that also remembers that it was handled; follow-up events are appended to the
    /// outbox through the same connection. What it does outside of the transaction may happen more than once.
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()>;
}

/// The consumer of one group. Any number may run; one is active, the others stand by.
pub struct Consumer {
    pub(crate) group: &'static str,
    pub(crate) topics: Topics,
    pub(crate) pool: PgPool,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) retries: Arc<[Duration]>,
}

impl Consumer {
    /// Runs until the token is cancelled; finishes the batch at hand first. What keeps it from working is logged and tried
    /// again with back-off; the events wait meanwhile.
    ///
    /// # Errors
    /// Never; the signature is that of a supervised task.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = Backoff::default();
        while !token.is_cancelled() {
            if let Err(error) = self.session(&token, &mut backoff).await {
                let pause = backoff.next();
                tracing::warn!(
                    consumer.group = self.group,
                    ?pause,
                    "the consumer pauses: {error:#}"
                );
                token.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        Ok(())
    }

    /// Works until the token is cancelled or something fails that is not an event's fault.
    async fn session(
        &self,
        token: &CancellationToken,
        backoff: &mut Backoff,
    ) -> anyhow::Result<()> {
        let Some(opened) = token.run_until_cancelled(self.open()).await else {
            return Ok(());
        };
        let mut inflow = opened?;
        tracing::debug!(consumer.group = self.group, "the consumer is ready");
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        loop {
            tokio::select! {
                biased;
                () = token.cancelled() => return Ok(()),
                _ = prune.tick() => { store::inbox::prune(&self.pool, INBOX_DAYS, PRUNE_ROWS).await?; }
                batch = inflow.next(BATCH) => self.deal_with(batch?, inflow.as_mut()).await?,
            }
            backoff.reset();
        }
    }

    /// Registers again, so that a broker that lost everything gets its topology back.
    async fn open(&self) -> anyhow::Result<Box<dyn Inflow>> {
        self.transport.register(self.group, &self.topics).await?;
        self.transport.open(self.group).await
    }

    /// Handles a batch and settles what was decided, even when the rest could not be handled.
    async fn deal_with(&self, batch: Vec<Incoming>, inflow: &mut dyn Inflow) -> anyhow::Result<()> {
        let mut settled = Vec::with_capacity(batch.len());
        let result = self.handle_batch(batch, &mut settled).await;
        for (incoming, verdict) in &settled {
            self.report(incoming, verdict);
        }
        if !settled.is_empty() {
            inflow.settle(settled).await?;
        }
        result
    }

    fn report(&self, incoming: &Incoming, verdict: &Verdict) {
        let group = self.group;
        let (event_id, topic) = (incoming.message.event_id, &incoming.message.topic);
        match verdict {
            Verdict::Done => metrics::counter!("bus_consumed_total", "group" => group).increment(1),
            Verdict::Retry { after, error } => {
                metrics::counter!("bus_retried_total", "group" => group).increment(1);
                tracing::warn!(
                    consumer.group = group,
                    event.id = %event_id,
                    event.r#type = topic,
                    ?after,
                    "an event failed and will be tried again: {error}"
                );
            }
            Verdict::Park { error } => {
                metrics::counter!("bus_parked_total", "group" => group).increment(1);
                tracing::error!(
                    consumer.group = group,
                    event.id = %event_id,
                    event.r#type = topic,
                    "an event was parked: {error}"
                );
            }
        }
    }
}
