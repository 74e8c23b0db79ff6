//! The tables in the owner's schema.

pub(crate) mod attempt;
pub(crate) mod delivery;
pub(crate) mod lease;
pub(crate) mod retention;
mod row;
