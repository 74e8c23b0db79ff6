//! What every process of the mesh stands on. Knows how to serve, call peers, tell callers apart, explain failures, reach
//! the database, read the clock, log and stop. Knows no board, task or gateway.
//!
//! A component gets a [`Server`] in its `register` and adds to it: services, background tasks, readiness checks. One process
//! may hold any set of components; whether a peer is in the same process or behind a URL, [`Server::peer`] looks the same.

pub mod address;
pub mod admin;
mod again;
pub mod caller;
pub mod clock;
pub mod conditional;
pub mod config;
pub mod context;
pub mod db;
pub mod decode;
pub mod encode;
pub mod fault;
mod guard;
pub mod keyring;
pub mod peer;
pub mod ready;
pub mod render;
pub mod round;
pub mod seal;
pub mod server;
pub mod task;
pub mod telemetry;
pub mod testing;

pub use caller::{BoardRight, BoardScope, Caller, Role};
pub use clock::Clock;
pub use config::{Config, Settings};
pub use decode::{Cursor, Mask, Page};
pub use fault::{Code, Explain, Fault, Violation};
pub use keyring::Keyring;
pub use peer::Peer;
pub use round::Round;
pub use seal::Seal;
pub use server::{Running, Server};
