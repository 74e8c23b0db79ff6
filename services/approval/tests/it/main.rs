//! The approval service through its generated clients, on a real database, with a stand-in for the board service.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod applied;
mod boards;
mod create;
mod deletions;
mod dry_run;
mod expiry;
mod fixture;
mod gate;
mod list;
mod many;
mod matrix;
mod migration;
mod policies;
mod reopen;
mod resolve;
mod rights;
mod votes;
