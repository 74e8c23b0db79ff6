//! Deliveries on a real database, with a sender that does as it is told.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod aside;
mod crashes;
mod life;
mod owner;
mod pace;
mod support;
