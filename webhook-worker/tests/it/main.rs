//! The webhook worker through its generated client, on a real database, with a real receiver and a stand-in for the board
//! service.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod address;
mod boards;
mod endpoints;
mod fixture;
mod gone;
mod input;
mod limit;
mod matching;
mod receiver;
mod removal;
mod retention;
mod rights;
mod sending;
mod survival;
