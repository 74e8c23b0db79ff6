//! The promises of the bus, each kept on both transports by the same test body.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod crashes;
mod failures;
mod guarantees;
mod installation;
mod latency;
mod outages;
mod process;
mod support;
