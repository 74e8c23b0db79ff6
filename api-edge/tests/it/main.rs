//! The edge through its front door: a real listener, with small hand-written services behind it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod conditional;
mod credentials;
mod download;
mod front;
mod grpc;
mod oracle;
mod pages;
mod routing;
mod streams;
mod support;
mod transcoding;
