//! The Mission Control binary's own parts, as a library for its tests.

pub mod data_dir;
pub mod embedded;
pub mod secrets;
