//! The org service through its generated clients, on a real database.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod fixture;
mod identity;
mod members;
mod organizations;
mod users;
