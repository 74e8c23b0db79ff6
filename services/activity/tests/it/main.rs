//! The activity service through its generated clients, on a real database, fed through a real outbox.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod comments;
mod deletion;
mod export;
mod feed;
mod feed_ends;
mod figures;
mod fixture;
mod list;
mod log;
mod matrix;
mod narrow;
mod old_log;
mod queries;
mod retention;
mod rights;
mod story;
mod streams;
mod streams_end;
mod streams_resume;
mod tales;
mod tamper;
