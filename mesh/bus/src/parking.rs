//! Events that a group could not deal with, kept where they can be seen.

use uuid::Uuid;

/// An event that failed as often as the schedule allows, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Nil when the message carries none.
    pub event_id: Uuid,
    pub topic: String,
    /// The encoded `mission.event.v1.Event`.
    pub payload: Vec<u8>,
    /// How often it failed.
    pub attempts: u32,
    /// Why, the last time.
    pub error: String,
}
