//! Consuming one group's queue.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use lapin::{
    Acker, Channel, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};

use super::{
    link::{CONNECT, Link, Outgoing},
    topology::{self, Names},
};
use crate::transport::{Incoming, Inflow, Verdict};

/// Messages that the broker sends ahead.
const PREFETCH: u16 = 200;
/// Silence after which the broker is asked whether it is still there: the end of a connection is not always heard.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) struct RabbitInflow {
    link: Arc<Link>,
    names: Names,
    group: String,
    channel: Channel,
    /// Present until it is dropped.
    consumer: Option<Consumer>,
    /// What was given out and not yet settled.
    unsettled: HashMap<i64, Acker>,
    /// Retry queues that this connection has seen to.
    pauses: HashSet<Duration>,
}

impl RabbitInflow {
    pub(super) async fn open(link: Arc<Link>, names: Names, group: String) -> anyhow::Result<Self> {
        let channel = link.channel().await?;
        let queue = names.group(&group);
        // What is given up on the way is dropped, and with it whatever the broker has made of it.
        let mut inflow = Self {
            link,
            names,
            group,
            channel,
            consumer: None,
            unsettled: HashMap::new(),
            pauses: HashSet::new(),
        };
        prefetch(&inflow.channel).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let channel = inflow.channel.clone();
        let begun = channel.basic_consume(queue.into(), "".into(), options, arguments);
        inflow.consumer = Some(in_time(begun).await?);
        Ok(inflow)
    }

    fn take(&mut self, delivery: Delivery) -> anyhow::Result<Incoming> {
        let tag = i64::try_from(delivery.delivery_tag)?;
        let (message, attempts) = (
            topology::message_of(&delivery),
            topology::attempts_of(&delivery),
        );
        self.unsettled.insert(tag, delivery.acker);
        Ok(Incoming {
            tag,
            message,
            attempts,
        })
    }

    /// Puts what failed where it waits or stays.
    async fn set_aside(&mut self, settled: &[(Incoming, Verdict)]) -> anyhow::Result<()> {
        let mut outgoing = Vec::new();
        for (incoming, verdict) in settled {
            let (exchange, key, error) = match verdict {
                Verdict::Done => continue,
                Verdict::Retry { after, error } => {
                    if self.pauses.insert(*after) {
                        topology::declare_pause(&self.channel, &self.names, *after).await?;
                    }
                    (
                        self.names.retry(),
                        topology::retry_key(*after, &self.group),
                        error,
                    )
                }
                Verdict::Park { error } => (String::new(), self.names.parked(&self.group), error),
            };
            let (message, attempts) = (incoming.message.clone(), incoming.attempts + 1);
            outgoing.push(Outgoing::failed(exchange, key, message, attempts, error));
        }
        if outgoing.is_empty() {
            return Ok(());
        }
        self.link.publish(outgoing).await
    }
}

/// Says how much the broker may send ahead. It answers, so it is there.
async fn prefetch(channel: &Channel) -> anyhow::Result<()> {
    in_time(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await
}

async fn in_time<T>(asked: impl Future<Output = lapin::Result<T>>) -> anyhow::Result<T> {
    let answer = tokio::time::timeout(CONNECT, asked).await;
    Ok(answer.context("the broker does not answer")??)
}

#[async_trait]
impl Inflow for RabbitInflow {
    async fn next(&mut self, at_most: usize) -> anyhow::Result<Vec<Incoming>> {
        let consumer = self.consumer.as_mut().context("already dropped")?;
        let first = loop {
            match tokio::time::timeout(SILENCE, consumer.next()).await {
                Ok(next) => break next.context("the broker ended the consumer")??,
                Err(_silence) => prefetch(&self.channel).await?,
            }
        };
        let mut deliveries = vec![first];
        while deliveries.len() < at_most {
            // An end of the stream shows again at the next call.
            let Some(Some(next)) = consumer.next().now_or_never() else {
                break;
            };
            deliveries.push(next?);
        }
        deliveries
            .into_iter()
            .map(|delivery| self.take(delivery))
            .collect()
    }

    async fn settle(&mut self, settled: Vec<(Incoming, Verdict)>) -> anyhow::Result<()> {
        self.set_aside(&settled).await?;
        for (incoming, _) in settled {
            let acker = self
                .unsettled
                .remove(&incoming.tag)
                .context("settled twice")?;
            let acked = in_time(acker.ack(BasicAckOptions::default())).await?;
            ensure!(
                acked,
                "the channel closed before a message could be acknowledged"
            );
        }
        Ok(())
    }
}

/// Closes the channel first: a consumer that is cancelled while its channel is open keeps what was sent ahead to it, and
/// the next consumer would get what comes after that before it.
impl Drop for RabbitInflow {
    fn drop(&mut self) {
        let (channel, consumer) = (self.channel.clone(), self.consumer.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Fails when the channel is closed already.
                let _ = channel.close(200, "OK".into()).await;
                drop(consumer);
            });
        }
    }
}
