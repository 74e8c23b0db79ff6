//! The tables of this component.

pub(crate) mod deliveries;
pub(crate) mod endpoints;
pub(crate) mod retention;
