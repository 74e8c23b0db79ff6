//! Souls: what agents have and are given, and the public directory.

mod directory;
mod revisions;
mod roles;
mod soul_host;
