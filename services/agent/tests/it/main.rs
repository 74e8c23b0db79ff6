//! Gateways, agents and notices through the front door, on a real database, with stand-ins for the board service and the
//! connector.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chat;
mod constraints;
mod departures;
mod fixture;
mod gateways;
mod input;
mod lists;
mod notices;
mod organizations;
mod paces;
mod pausing;
mod presence;
mod provisioning;
mod runtime;
mod stand_in;
mod team;
mod tokens;
mod told;
