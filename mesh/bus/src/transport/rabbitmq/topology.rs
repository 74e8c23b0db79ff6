//! Names, exchanges, queues and what a message looks like on the broker.

use std::time::Duration;

use lapin::{
    BasicProperties, Channel, ExchangeKind,
    message::Delivery,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use uuid::Uuid;

use crate::{topic::Topics, transport::Message};

const ATTEMPTS: &str = "x-mission-attempts";
const ERROR: &str = "x-mission-error";
/// Only persistent messages survive a restart of the broker.
const PERSISTENT: u8 = 2;
/// So many crashes in the middle of one message that no healthy consumer reaches it. A limit there must be: only with one
/// does a quorum queue put what comes back to where it was.
const DELIVERY_LIMIT: i64 = 1_000_000;

/// What things are called on the broker.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn events(&self) -> String {
        format!("{}mission.events", self.prefix)
    }

    pub(super) fn retry(&self) -> String {
        format!("{}mission.retry", self.prefix)
    }

    pub(super) fn back(&self) -> String {
        format!("{}mission.return", self.prefix)
    }

    pub(super) fn group(&self, group: &str) -> String {
        format!("{}mission.{group}", self.prefix)
    }

    pub(super) fn parked(&self, group: &str) -> String {
        format!("{}mission.{group}.parked", self.prefix)
    }

    pub(super) fn pause(&self, pause: Duration) -> String {
        format!("{}mission.retry.{}", self.prefix, pause.as_millis())
    }
}

/// The routing key of a message that waits for a pause before it returns to a group.
pub(super) fn retry_key(pause: Duration, group: &str) -> String {
    format!("{}.{group}", pause.as_millis())
}

pub(super) async fn declare_exchanges(channel: &Channel, names: &Names) -> anyhow::Result<()> {
    for exchange in [names.events(), names.retry(), names.back()] {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            )
            .await?;
    }
    Ok(())
}

/// Makes a group's queue and its parking queue, and binds the topics.
pub(super) async fn declare_group(
    channel: &Channel,
    names: &Names,
    group: &str,
    topics: &Topics,
) -> anyhow::Result<()> {
    let (queue, parked) = (names.group(group), names.parked(group));
    declare_quorum(channel, &parked, vec![]).await?;
    let one_consumer = ("x-single-active-consumer", AMQPValue::Boolean(true));
    declare_quorum(
        channel,
        &queue,
        [vec![one_consumer], dead_letters_to("", Some(&parked))].concat(),
    )
    .await?;
    for pattern in topics.patterns() {
        bind(channel, &queue, &names.events(), pattern).await?;
    }
    bind(channel, &queue, &names.back(), &format!("*.{group}")).await
}

/// Makes the queue that holds messages for a pause.
pub(super) async fn declare_pause(
    channel: &Channel,
    names: &Names,
    pause: Duration,
) -> anyhow::Result<()> {
    let queue = names.pause(pause);
    let millis = i64::try_from(pause.as_millis())?;
    let ttl = ("x-message-ttl", AMQPValue::LongLongInt(millis));
    declare_quorum(
        channel,
        &queue,
        [vec![ttl], dead_letters_to(&names.back(), None)].concat(),
    )
    .await?;
    bind(channel, &queue, &names.retry(), &format!("{millis}.#")).await
}

/// Where messages go that leave a queue otherwise than by acknowledgement. At least once: they stay until they have arrived.
fn dead_letters_to(exchange: &str, routing_key: Option<&str>) -> Vec<(&'static str, AMQPValue)> {
    let mut arguments = vec![
        ("x-dead-letter-exchange", long(exchange)),
        ("x-dead-letter-strategy", long("at-least-once")),
        ("x-overflow", long("reject-publish")),
    ];
    arguments.extend(routing_key.map(|key| ("x-dead-letter-routing-key", long(key))));
    arguments
}

async fn declare_quorum(
    channel: &Channel,
    queue: &str,
    arguments: Vec<(&'static str, AMQPValue)>,
) -> anyhow::Result<()> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), long("quorum"));
    table.insert(
        "x-delivery-limit".into(),
        AMQPValue::LongLongInt(DELIVERY_LIMIT),
    );
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), table)
        .await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> anyhow::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        )
        .await?;
    Ok(())
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// The properties of a message, with the failures that it has behind it.
pub(super) fn properties(message: &Message, failures: Option<(u32, &str)>) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/protobuf".into())
        .with_message_id(message.event_id.to_string().into())
        .with_type(message.topic.as_str().into());
    match failures {
        None => properties,
        Some((attempts, error)) => {
            let mut headers = FieldTable::default();
            headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(attempts.into()));
            headers.insert(ERROR.into(), long(error));
            properties.with_headers(headers)
        }
    }
}

/// The message in a delivery. One that none of ours published may lack the id and the type.
pub(super) fn message_of(delivery: &Delivery) -> Message {
    let id = delivery.properties.message_id().as_ref();
    let topic = delivery
        .properties
        .kind()
        .as_ref()
        .unwrap_or(&delivery.routing_key);
    Message {
        event_id: id
            .and_then(|id| Uuid::parse_str(id.as_str()).ok())
            .unwrap_or_default(),
        topic: topic.as_str().to_owned(),
        payload: delivery.data.clone(),
    }
}

/// How often a group has failed to deal with a delivery.
pub(super) fn attempts_of(delivery: &Delivery) -> u32 {
    match header(delivery, ATTEMPTS) {
        Some(AMQPValue::LongLongInt(attempts)) => u32::try_from(*attempts).unwrap_or(0),
        _ => 0,
    }
}

/// What the group said the last time.
pub(super) fn error_of(delivery: &Delivery) -> String {
    match header(delivery, ERROR) {
        Some(AMQPValue::LongString(error)) => error.to_string(),
        _ => "delivered too often without an answer".to_owned(),
    }
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name)
}
