//! The approval service through its generated clients, on a real database, with a stand-in for the board service.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod boards;
mod create;
mod fixture;
mod gate;
mod list;
mod resolve;
mod rights;
