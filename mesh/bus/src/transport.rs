//! What carries events between processes. Both transports promise the same:
//!
//! - what [`Transport::publish`] confirmed survives a crash, and reaches every group registered by then whose topics match;
//! - a group gets it at least once, in the order of publication, by one active consumer at a time;
//! - what is not settled comes again; what is to be retried steps aside, so that the others go on.

pub(crate) mod postgres;
pub(crate) mod rabbitmq;

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{parking::Parked, topic::Topics};

/// An encoded event.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) event_id: Uuid,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// The same as three columns, for `unnest`.
    pub(crate) fn columns(messages: Vec<Self>) -> (Vec<Uuid>, Vec<String>, Vec<Vec<u8>>) {
        let mut columns = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            columns.0.push(message.event_id);
            columns.1.push(message.topic);
            columns.2.push(message.payload);
        }
        columns
    }
}

/// A message on its way into a group.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    /// What the transport knows it by.
    pub(crate) tag: i64,
    pub(crate) message: Message,
    /// How often the group has failed to deal with it.
    pub(crate) attempts: u32,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Verdict {
    Done,
    Retry { after: Duration, error: String },
    Park { error: String },
}

#[async_trait]
pub(crate) trait Transport: Send + Sync + 'static {
    /// Hands messages over, in order; returns when they are safe.
    async fn publish(&self, messages: Vec<Message>) -> anyhow::Result<()>;

    /// Makes a group known; from now on it gets what matches, whether or not it runs.
    async fn register(&self, group: &str, topics: &Topics) -> anyhow::Result<()>;

    /// Begins to consume for a registered group.
    async fn open(&self, group: &str) -> anyhow::Result<Box<dyn Inflow>>;

    /// Fails when the transport cannot be reached.
    async fn check(&self) -> anyhow::Result<()>;

    async fn parked(&self, group: &str, limit: u16) -> anyhow::Result<Vec<Parked>>;

    async fn replay(&self, group: &str) -> anyhow::Result<u64>;
}

/// The messages of one group, for as long as the connection behind it lives.
#[async_trait]
pub(crate) trait Inflow: Send {
    /// Waits for messages: at least one, in order, at most so many. May be dropped while it waits.
    async fn next(&mut self, at_most: usize) -> anyhow::Result<Vec<Incoming>>;

    /// Tells what became of messages that `next` gave out.
    async fn settle(&mut self, settled: Vec<(Incoming, Verdict)>) -> anyhow::Result<()>;
}
