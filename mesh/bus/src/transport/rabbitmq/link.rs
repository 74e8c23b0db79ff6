//! The connection to the broker: made when it is needed, made again when it was lost.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    uri::AMQPUri,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::topology;
use crate::transport::Message;

/// A broker that does not answer by then, whatever it was asked while the connection is set up, is taken for lost.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// A broker that has not confirmed by then is taken for lost. A quorum of slow disks takes a second at worst.
const CONFIRM: Duration = Duration::from_secs(15);
/// Seconds of silence after which either side takes the other for lost.
const HEARTBEAT: u16 = 10;

/// A message and where it goes.
pub(super) struct Outgoing {
    exchange: String,
    routing_key: String,
    /// Whether nobody being there to take it is a failure.
    mandatory: bool,
    payload: Vec<u8>,
    properties: BasicProperties,
}

impl Outgoing {
    /// An event for whoever subscribed to it, be it nobody.
    pub(super) fn event(exchange: &str, message: Message) -> Self {
        let properties = topology::properties(&message, None);
        let (routing_key, payload) = (message.topic, message.payload);
        Self {
            exchange: exchange.to_owned(),
            routing_key,
            mandatory: false,
            payload,
            properties,
        }
    }

    /// A message for one queue.
    pub(super) fn to_queue(queue: &str, message: Message) -> Self {
        let properties = topology::properties(&message, None);
        let payload = message.payload;
        Self {
            exchange: String::new(),
            routing_key: queue.to_owned(),
            mandatory: true,
            payload,
            properties,
        }
    }

    /// A message that has failed, for a place of its own.
    pub(super) fn failed(
        exchange: String,
        routing_key: String,
        message: Message,
        attempts: u32,
        error: &str,
    ) -> Self {
        let properties = topology::properties(&message, Some((attempts, error)));
        Self {
            exchange,
            routing_key,
            mandatory: true,
            payload: message.payload,
            properties,
        }
    }
}

pub(super) struct Link {
    url: SecretString,
    connection: Mutex<Option<Connection>>,
    /// One channel in confirm mode for everything that this process publishes.
    publisher: Mutex<Option<Channel>>,
}

impl Link {
    pub(super) fn new(url: SecretString) -> anyhow::Result<Self> {
        parse(&url)?;
        Ok(Self {
            url,
            connection: Mutex::new(None),
            publisher: Mutex::new(None),
        })
    }

    /// A fresh channel, over a fresh connection when the present one is gone.
    pub(super) async fn channel(&self) -> anyhow::Result<Channel> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = slot
            .as_ref()
            .filter(|connection| connection.status().connected())
            && let Ok(Ok(channel)) =
                tokio::time::timeout(CONNECT, connection.create_channel()).await
        {
            return Ok(channel);
        }
        *slot = None;
        let made = async {
            let connection = self.connect().await?;
            let channel = connection.create_channel().await?;
            anyhow::Ok((connection, channel))
        };
        let (connection, channel) = tokio::time::timeout(CONNECT, made)
            .await
            .context("the broker does not answer")?
            .context("the broker cannot be reached")?;
        *slot = Some(connection);
        Ok(channel)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let mut uri = parse(&self.url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let properties =
            ConnectionProperties::default().with_connection_name("mission-control".into());
        Ok(Connection::connect_uri(uri, properties).await?)
    }

    /// Publishes in order and waits until the broker has made all of it safe. After a failure some of it may be there: it
    /// is to be published again.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>) -> anyhow::Result<()> {
        let channel = self.publisher().await?;
        let published = tokio::time::timeout(CONFIRM, publish_on(&channel, messages)).await;
        match published {
            Ok(result) => result,
            Err(_elapsed) => {
                // Whoever holds a channel of this connection has the same trouble, and learns of it by its heartbeat.
                self.publisher.lock().await.take();
                self.connection.lock().await.take();
                bail!("the broker did not confirm within {CONFIRM:?}")
            }
        }
    }

    async fn publisher(&self) -> anyhow::Result<Channel> {
        let mut slot = self.publisher.lock().await;
        if let Some(channel) = slot.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = self.channel().await?;
        let selected = channel.confirm_select(ConfirmSelectOptions::default());
        tokio::time::timeout(CONNECT, selected)
            .await
            .context("the broker does not answer")??;
        *slot = Some(channel.clone());
        Ok(channel)
    }
}

async fn publish_on(channel: &Channel, messages: Vec<Outgoing>) -> anyhow::Result<()> {
    let mut confirms = Vec::with_capacity(messages.len());
    for message in messages {
        let Outgoing {
            exchange,
            routing_key,
            mandatory,
            payload,
            properties,
        } = message;
        let options = BasicPublishOptions {
            mandatory,
            ..BasicPublishOptions::default()
        };
        let confirm = channel
            .basic_publish(
                exchange.into(),
                routing_key.into(),
                options,
                &payload,
                properties,
            )
            .await?;
        confirms.push(confirm);
    }
    for confirm in confirms {
        match confirm.await? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => bail!("the broker has no queue for a message"),
            Confirmation::Nack(_) => bail!("the broker could not keep a message"),
            Confirmation::NotRequested => bail!("the channel is not in confirm mode"),
        }
    }
    Ok(())
}

fn parse(url: &SecretString) -> anyhow::Result<AMQPUri> {
    let uri: AMQPUri = url
        .expose_secret()
        .parse()
        .map_err(|error: String| anyhow!("the AMQP URL is malformed: {error}"))?;
    ensure!(!uri.authority.host.is_empty(), "the AMQP URL names no host");
    Ok(uri)
}
