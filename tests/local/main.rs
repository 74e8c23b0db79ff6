//! What somebody with one machine and nothing prepared runs: the product with its private PostgreSQL, the demo, the doctor.
#![expect(clippy::unwrap_used, reason = "a step that fails says where by itself")]

mod demo;
mod doctor;
mod installation;
