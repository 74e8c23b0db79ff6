//! What is kept in the database.

pub(crate) mod device;
pub(crate) mod lease;
