//! Events between services, exactly as durable as the changes that they tell of.
//!
//! 1. A service writes events to its schema's `outbox` in the transaction of the change ([`outbox::append`]).
//! 2. A [`Relay`] per schema publishes them in order and deletes what the transport confirmed.
//! 3. A [`Consumer`] per group gives them to a [`Handler`] in one transaction with a row of the `inbox`, so that an event
//!    that comes twice has its effect once, and acknowledges after the commit.
//!
//! Two transports make the same promises: `postgres` (queue tables in the schema `bus`, wake-up by NOTIFY) and
//! `rabbitmq` (quorum queues, publisher confirms). Groups are durable: what is published while a consumer is away reaches
//! it later. A group gets what is published from its registration on, so an installation registers every group before
//! anything runs ([`migrate`]).
//!
//! An event that a handler fails on steps aside, is tried again after each pause of the schedule, then parked
//! ([`Bus::parked`], [`Bus::replay`]); the others go on meanwhile. A database that is away is nobody's failure: everything
//! waits for it.
//!
//! Metrics: `bus_published_total{owner}`, `bus_outbox_lag_seconds{owner}` (age of the oldest event not yet published),
//! `bus_consumed_total{group}`, `bus_retried_total{group}`, `bus_parked_total{group}`.
//!
//! Connections: each active or waiting relay, and on the `postgres` transport each consumer, holds one of its own besides
//! the pool's, for its lock and for being woken.

mod backoff;
mod bus;
mod config;
mod consumer;
mod event;
mod lease;
mod migration;
pub mod outbox;
mod parking;
mod relay;
mod store;
mod subscription;
mod topic;
mod transport;

pub use bus::Bus;
pub use config::Config;
pub use consumer::{Consumer, Handler};
pub use event::{Draft, event, topic_of};
pub use migration::{install, migrate, migrator, pending, transport_migrator};
pub use parking::Parked;
pub use relay::Relay;
pub use subscription::Subscription;
