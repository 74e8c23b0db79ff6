//! Queues on a RabbitMQ broker: a topic exchange, one quorum queue per group, one retry queue per pause, one parking
//! queue per group.
//!
//! | Name | What it is |
//! |---|---|
//! | `mission.events` | topic exchange that relays publish to |
//! | `mission.<group>` | a group's queue: quorum, single active consumer |
//! | `mission.retry` | topic exchange; routing key `<pause in ms>.<group>` |
//! | `mission.retry.<pause in ms>` | holds messages of all groups for that long, then hands them to |
//! | `mission.return` | topic exchange back to the group's queue |
//! | `mission.<group>.parked` | what the group could not deal with |

mod inflow;
mod link;
mod topology;

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use secrecy::SecretString;

use self::{
    inflow::RabbitInflow,
    link::{Link, Outgoing},
    topology::{Names, attempts_of, error_of, message_of},
};
use super::{Inflow, Message, Transport};
use crate::{parking::Parked, topic::Topics};

pub(crate) struct RabbitMq {
    link: Arc<Link>,
    names: Names,
}

impl RabbitMq {
    pub(crate) fn new(url: SecretString, prefix: &str) -> anyhow::Result<Self> {
        Ok(Self {
            link: Arc::new(Link::new(url)?),
            names: Names::new(prefix),
        })
    }
}

/// A broker that has not made a group's queues by then is asked again: a busy one takes seconds for each.
const DECLARE: Duration = Duration::from_secs(30);

#[async_trait]
impl Transport for RabbitMq {
    async fn publish(&self, messages: Vec<Message>) -> anyhow::Result<()> {
        let exchange = self.names.events();
        let outgoing = messages
            .into_iter()
            .map(|message| Outgoing::event(&exchange, message))
            .collect();
        self.link.publish(outgoing).await
    }

    async fn register(&self, group: &str, topics: &Topics) -> anyhow::Result<()> {
        let channel = self.link.channel().await?;
        let declared = async {
            topology::declare_exchanges(&channel, &self.names).await?;
            topology::declare_group(&channel, &self.names, group, topics).await
        };
        tokio::time::timeout(DECLARE, declared)
            .await
            .context("the broker does not answer")?
    }

    /// Lets nobody interrupt it: a consumer that the broker has but nobody here knows of would hold the queue for as long
    /// as the connection lives.
    async fn open(&self, group: &str) -> anyhow::Result<Box<dyn Inflow>> {
        let (link, names) = (Arc::clone(&self.link), self.names.clone());
        let group = group.to_owned();
        let opening = tokio::spawn(RabbitInflow::open(link, names, group));
        Ok(Box::new(opening.await??))
    }

    async fn check(&self) -> anyhow::Result<()> {
        let channel = self.link.channel().await?;
        topology::declare_exchanges(&channel, &self.names).await
    }

    /// Takes messages without acknowledging them; closing the channel puts them back.
    async fn parked(&self, group: &str, limit: u16) -> anyhow::Result<Vec<Parked>> {
        let channel = self.link.channel().await?;
        let queue = self.names.parked(group);
        let mut parked = Vec::new();
        while parked.len() < usize::from(limit) {
            let Some(got) = channel
                .basic_get(queue.as_str().into(), BasicGetOptions::default())
                .await?
            else {
                break;
            };
            let Message {
                event_id,
                topic,
                payload,
            } = message_of(&got.delivery);
            let (attempts, error) = (attempts_of(&got.delivery), error_of(&got.delivery));
            parked.push(Parked {
                event_id,
                topic,
                payload,
                attempts,
                error,
            });
        }
        channel.close(200, "OK".into()).await?;
        Ok(parked)
    }

    /// Moves one message at a time, so that none is lost on the way. Ends when it meets one that came back meanwhile.
    async fn replay(&self, group: &str) -> anyhow::Result<u64> {
        let channel = self.link.channel().await?;
        let (queue, parked) = (self.names.group(group), self.names.parked(group));
        let mut moved = HashSet::new();
        while let Some(got) = channel
            .basic_get(parked.as_str().into(), BasicGetOptions::default())
            .await?
        {
            let message = message_of(&got.delivery);
            if !moved.insert(message.event_id) && !message.event_id.is_nil() {
                break;
            }
            self.link
                .publish(vec![Outgoing::to_queue(&queue, message)])
                .await?;
            let acked = got.delivery.acker.ack(BasicAckOptions::default()).await?;
            ensure!(
                acked,
                "the channel closed before a replayed message could be taken out of the parking queue"
            );
        }
        channel.close(200, "OK".into()).await?;
        Ok(moved.len() as u64)
    }
}
