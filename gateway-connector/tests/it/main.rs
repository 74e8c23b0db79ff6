//! The connector against simulated gateways of every version, through its own RPCs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod ask;
mod connections;
mod cuts;
mod cuts_of_reading;
mod devices;
mod diagnosis;
mod files;
mod frames;
mod heartbeats;
mod messages;
mod reading;
mod refusals;
mod replicas;
mod strange;
mod support;
mod terms;
mod tls;
mod watching;
