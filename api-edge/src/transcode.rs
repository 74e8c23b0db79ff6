//! JSON in, protobuf out, and back: the product's JSON rules over the descriptors of the contract.
//!
//! The rules. Names are snake_case. An unset optional is `null`, every declared field is present. Enums are lower-case
//! words without their prefix; the zero value is `null`. 64-bit integers are JSON numbers. Times are RFC 3339, written
//! with `Z` and microseconds when there are any; read with any offset, a time without one being UTC. `Struct`, `Value`
//! and `ListValue` are plain JSON. Members of a `oneof` appear only when set. Unknown fields of a request are ignored.
//!
//! [`Request`] is judged whole: every fault of it is reported, not only the first. [`Plans`] is the hot path: it walks the
//! bytes of a response straight into a JSON buffer along a plan compiled from the descriptor once.

mod known;
mod plan;
mod query;
mod request;
mod response;
mod text;
mod time;
mod value;
mod wire;
mod words;

pub use plan::{Answer, Plans};
pub use request::{Body, Input, Request};
pub use response::Broken;
pub use wire::{Field, Reader};
pub use words::Words;
