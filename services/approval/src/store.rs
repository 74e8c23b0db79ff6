//! Rows of this service. Absence is an `Option`: only `rpc` decides that it is an error.

pub(crate) mod approvals;
pub(crate) mod gates;
pub(crate) mod links;
