//! What happened: the event log, the live feed and the metrics drawn from it.
//!
//! The service takes every event off the bus, once, and in one transaction
//! 1. gives it the next position and a hash that covers the row before, and appends it to the log;
//! 2. keeps the state that figures are drawn from.
//!
//! Positions are given under one lock, so their order is the order of commits and none is missing: a reader that has seen
//! one has seen all before it. That is what lets the feed resume at a position without gap or repeat.
//!
//! It calls no peer. The log is never changed: a trigger refuses it, and [`verify`] finds it. The one exception is redaction:
//! where an organization keeps events for so many days only, or is deleted, what a row says is taken out; its place, its
//! moment, its type and its hash stay, and the chain still holds ([`Verified::redacted`]). Ids stay too, of deleted people as
//! well: they name nobody any more.

mod chain;
mod config;
mod consume;
mod entry;
mod error;
mod export;
mod feed;
mod figures;
mod filter;
mod place;
mod projection;
mod range;
mod reasons;
mod retention;
mod route;
mod rpc;
mod sentence;
mod since;
mod standing;
mod store;
mod subject;
mod verify;
mod viewer;
mod wire;

use proto::activity::v1::{
    activity_service_server::ActivityServiceServer, feed_service_server::FeedServiceServer,
    metrics_service_server::MetricsServiceServer, stream_service_server::StreamServiceServer,
};
use sqlx::migrate::Migrator;

pub use chain::Flaw;
pub use config::Config;
pub use verify::{Unverified, Verified, verify};

/// Name of the role.
pub const ROLE: &str = "activity";
/// Schema that holds everything of this service.
pub const SCHEMA: &str = "activity";
/// Makes the tables of this service.
pub static MIGRATOR: Migrator = sqlx::migrate!();
/// What this service listens to: everything.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: ROLE,
    topics: &["#"],
};

/// Adds the service to a process.
///
/// # Errors
/// Fails when the database or the bus cannot be reached.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    config: Config,
) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    let hub = feed::Hub::new(config.feed_buffer);
    let (head, _) = store::log::head(&mut *pool.acquire().await?).await?;
    server.spawn("activity.feed", {
        let (hub, pool) = (hub.clone(), pool.clone());
        move |stop| hub.follow(pool, head, stop)
    });
    bus.consume(server, SUBSCRIPTION, pool.clone(), consume::Consumer)
        .await?;

    let (clock, stop) = (server.clock(), server.shutdown());
    let sweeper = retention::Sweeper {
        pool: pool.clone(),
        clock: clock.clone(),
    };
    server.spawn_rounds("activity.retention", config.event_retention_every, sweeper);

    server.add_service(
        ROLE,
        ActivityServiceServer::new(rpc::activity::Activity {
            pool: pool.clone(),
            stop: stop.clone(),
        }),
    );
    let source = rpc::follow::Source {
        pool: pool.clone(),
        hub,
        pace: rpc::follow::Pace {
            keep_alive: config.feed_keep_alive,
            max_age: config.feed_max_age,
        },
        clock: clock.clone(),
        stop,
    };
    server.add_service(
        ROLE,
        FeedServiceServer::new(rpc::feed::Feed(source.clone())),
    );
    server.add_service(
        ROLE,
        StreamServiceServer::new(rpc::streams::Streams(source)),
    );
    server.add_service(
        ROLE,
        MetricsServiceServer::new(rpc::metrics::Metrics { pool, clock }),
    );
    Ok(())
}
