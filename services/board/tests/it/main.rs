//! The board service through its generated clients, on a real database, with stand-ins for the agent directory and the
//! gate of approvals.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod boards;
mod boards_update;
mod callers;
mod claims;
mod comments;
mod dependencies;
mod events;
mod fixture;
mod gates;
mod input;
mod lists;
mod moves;
mod peers;
mod request;
mod rights;
mod tasks;
