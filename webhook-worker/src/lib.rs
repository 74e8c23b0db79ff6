//! Outbound webhooks: who wants to hear of what, and whether they did.
//!
//! Owns endpoints, what each of them is to be told, and the attempts to tell it. Asks the board service whether a board is
//! one of the caller's organization.
//!
//! - **Fan-out.** Every event of the bus becomes one delivery for each enabled endpoint that subscribes to it, in the
//!   transaction that remembers the event.
//! - **Order.** An endpoint is sent one delivery at a time, oldest first. One that failed steps aside until its next
//!   attempt is due, so a later event may arrive before it.
//! - **Giving up.** A delivery is dead after the last pause of the schedule, and also when a receiver is so slow that its
//!   turn has not come a day after the schedule would have ended.
//! - **Disabled.** What happens while an endpoint is disabled is not sent to it, not even later. A delivery from before
//!   whose turn comes while it is disabled is dead. Enabled again, or given another URL, it is sent at once what still
//!   waits for its next attempt.
//! - **Gone.** An endpoint takes its deliveries along. It goes with its board and with its organization.
//! - **Retention.** An organization may have what was delivered and what was given up deleted after some days. What waits for
//!   an attempt stays.
//! - **Addresses.** Unless the installation allows private ones, every address behind a URL has to be public at the moment of
//!   connecting; redirects are not followed and no proxy is used.

mod body;
mod carrier;
mod config;
mod consume;
mod delivery_state;
mod endpoint;
mod error;
mod event_types;
mod outbound;
mod retention;
mod rpc;
mod secret;
mod store;
mod wire;

use delivery::Policy;
use proto::webhook::v1::webhook_endpoint_service_server::WebhookEndpointServiceServer;
use sqlx::migrate::Migrator;

pub use config::{Config, Schedule};

use crate::{
    carrier::Carrier, consume::Consumer, outbound::Outbound, retention::Forgetter, rpc::Webhooks,
};

/// Name of the component among roles and peers.
pub const ROLE: &str = "webhook-worker";
/// Schema that the component owns.
pub const SCHEMA: &str = "webhook";
/// What the schema consists of, beside the inbox and the tables of [`delivery`], which have to be there first.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What the component listens to: everything.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: "webhook",
    topics: &["#"],
};
/// Queue of the deliveries.
const QUEUE: &str = "webhook";
/// Attempts at once in one process: they wait for others most of the time.
const CONCURRENCY: usize = 32;

/// Adds the component to a server.
///
/// # Errors
/// Fails when the database or the bus cannot be reached.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    config: Config,
) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    let allow_private = config.webhook_allow_private_addresses;
    let consumer = Consumer {
        clock: server.clock(),
        patience: config.webhook_retry_schedule.patience(),
    };
    bus.consume(server, SUBSCRIPTION, pool.clone(), consumer)
        .await?;

    let carrier = Carrier {
        pool: pool.clone(),
        clock: server.clock(),
        seal: server.seal(),
        outbound: Outbound::new(allow_private, config.webhook_timeout)?,
    };
    let policy = Policy {
        schedule: config.webhook_retry_schedule.pauses(),
        concurrency: CONCURRENCY,
        // What keeps the order.
        per_target: 1,
        timeout: config.webhook_timeout + carrier::MARGIN,
    };
    delivery::run(server, QUEUE, pool.clone(), policy, carrier);

    delivery::retention::run(server, "webhook.retention", pool.clone(), Forgetter);

    let webhooks = Webhooks {
        pool,
        clock: server.clock(),
        seal: server.seal(),
        boards: server.peer("board"),
        allow_private,
    };
    server.add_service(ROLE, WebhookEndpointServiceServer::new(webhooks));
    Ok(())
}
