//! Rows of this service. Absence is an `Option`: only `rpc` decides that it is an error.

pub(crate) mod approvals;
pub(crate) mod changes;
pub(crate) mod counts;
pub(crate) mod deletions;
pub(crate) mod gates;
pub(crate) mod history;
pub(crate) mod links;
pub(crate) mod policies;
