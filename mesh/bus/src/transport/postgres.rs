//! Queues as tables: one row per event and group in the schema `bus`, woken by NOTIFY.

mod queue;

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use sqlx::PgPool;

pub(crate) use self::queue::is_subscribed;
use super::{Incoming, Inflow, Message, Transport, Verdict};
use crate::{lease::Lease, parking::Parked, topic::Topics};

/// How long to trust that no news is no work. Notifications make it quick; this makes it certain.
const POLL: Duration = Duration::from_secs(5);

pub(crate) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Transport for Postgres {
    async fn publish(&self, messages: Vec<Message>) -> anyhow::Result<()> {
        Ok(queue::publish(&self.pool, messages).await?)
    }

    async fn register(&self, group: &str, topics: &Topics) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        queue::subscribe(&mut tx, group, topics).await?;
        Ok(tx.commit().await?)
    }

    async fn open(&self, group: &str) -> anyhow::Result<Box<dyn Inflow>> {
        let lease =
            Lease::acquire(&self.pool, &format!("bus.group.{group}"), &channel(group)).await?;
        Ok(Box::new(PostgresInflow {
            pool: self.pool.clone(),
            group: group.to_owned(),
            lease,
        }))
    }

    async fn check(&self) -> anyhow::Result<()> {
        queue::check(&self.pool)
            .await
            .context("the tables of the bus cannot be read")
    }

    async fn parked(&self, group: &str, limit: u16) -> anyhow::Result<Vec<Parked>> {
        Ok(queue::list_parked(&self.pool, group, limit.into()).await?)
    }

    async fn replay(&self, group: &str) -> anyhow::Result<u64> {
        Ok(queue::replay(&self.pool, group).await?)
    }
}

fn channel(group: &str) -> String {
    format!("bus_{group}")
}

struct PostgresInflow {
    pool: PgPool,
    group: String,
    lease: Lease,
}

#[async_trait]
impl Inflow for PostgresInflow {
    async fn next(&mut self, at_most: usize) -> anyhow::Result<Vec<Incoming>> {
        let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
        loop {
            let due = queue::list_due(&self.pool, &self.group, limit).await?;
            if !due.is_empty() {
                return Ok(due);
            }
            let retry = queue::next_retry(&self.pool, &self.group).await?;
            self.lease
                .notified(retry.map_or(POLL, |retry| retry.min(POLL)))
                .await?;
        }
    }

    async fn settle(&mut self, settled: Vec<(Incoming, Verdict)>) -> anyhow::Result<()> {
        let mut done = Vec::new();
        let mut retries = queue::Retries::default();
        let mut parked = (Vec::new(), Vec::new());
        for (incoming, verdict) in settled {
            match verdict {
                Verdict::Done => done.push(incoming.tag),
                Verdict::Retry { after, error } => retries.push(incoming.tag, after, error),
                Verdict::Park { error } => {
                    parked.0.push(incoming.tag);
                    parked.1.push(error);
                }
            }
        }
        if !done.is_empty() {
            queue::delete(&self.pool, &done).await?;
        }
        if !retries.is_empty() {
            queue::retry(&self.pool, retries).await?;
        }
        if !parked.0.is_empty() {
            queue::park(&self.pool, parked.0, parked.1).await?;
        }
        Ok(())
    }
}
