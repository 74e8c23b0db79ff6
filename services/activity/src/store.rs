//! SQL. Everything here is set-based and bounded.

pub(crate) mod boards;
pub(crate) mod figures;
pub(crate) mod log;
pub(crate) mod projections;
pub(crate) mod series;
