//! The org service through its generated clients, on a real database.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod access;
mod account;
mod api_tokens;
mod counts;
mod fixture;
mod following;
mod identity;
mod invites;
mod joining;
mod matrix;
mod members;
mod organizations;
mod ownership;
mod profiles;
mod races;
mod roles;
mod scene;
mod settings;
mod users;
