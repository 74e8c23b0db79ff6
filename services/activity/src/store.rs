//! SQL. Everything here is set-based and bounded.

pub(crate) mod boards;
pub(crate) mod chain;
pub(crate) mod comments;
pub(crate) mod feed;
pub(crate) mod figures;
pub(crate) mod groups;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod projections;
pub(crate) mod retention;
pub(crate) mod selection;
pub(crate) mod series;
