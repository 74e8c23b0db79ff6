//! The Mission Control binary's own parts, as a library for its tests.

pub mod audit;
pub mod authorization;
mod banner;
pub mod cli;
pub mod data_dir;
pub mod demo;
pub mod doctor;
pub mod embedded;
pub mod migrate;
pub mod options;
pub mod reference;
mod rest;
pub mod role;
pub mod secrets;
pub mod serve;
