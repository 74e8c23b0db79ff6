//! The activity service through its generated clients, on a real database, fed through a real outbox.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod feed;
mod feed_ends;
mod figures;
mod fixture;
mod list;
mod log;
mod rights;
mod story;
