//! The tables in the owner's schema.

pub(crate) mod inbox;
pub(crate) mod outbox;
