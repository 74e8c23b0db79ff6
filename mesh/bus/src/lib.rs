//! Events between services, exactly as durable as the changes that they tell of.
//!
//! 1. A service writes events to its schema's `outbox` in the transaction of the change ([`outbox::append`]).
//! 2. A [`Relay`] per schema publishes them in order and deletes what the transport confirmed.
//! 3. A [`Consumer`] per group gives them to a [`Handler`] in one transaction with a row of the `inbox`, so that an event
//!    that comes twice has its effect once, and acknowledges after the commit.
//!
//! Two transports make the same promises: `postgres` (queue tables in the schema `bus`, wake-up by NOTIFY) and
//! `rabbitmq` (quorum queues, publisher confirms). Groups are durable: what is published while a consumer is away reaches
//! it later. A group that never registered gets what is published from its registration on.
//!
//! An event that a handler fails on steps aside, is tried again after each pause of the schedule, then parked
//! ([`Bus::parked`], [`Bus::replay`]); the others go on meanwhile.

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
mod topic;
mod transport;

pub use bus::Bus;
pub use config::Config;
pub use consumer::{Consumer, Handler};
pub use event::{Draft, event, topic_of};
pub use migration::{install, migrate, migrator, pending, transport_migrator};
pub use parking::Parked;
pub use relay::Relay;
