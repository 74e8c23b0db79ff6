//! A row of the log.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) kind: ActorKind,
    /// Absent for the system.
    pub(crate) id: Option<Uuid>,
    pub(crate) name: String,
}

/// What kind of actor it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActorKind {
    User,
    Agent,
    System,
}

impl ActorKind {
    /// The word that the table keeps.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }

    /// Reads the word that the table keeps; its check admits no other.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "user" => Self::User,
            "agent" => Self::Agent,
            _ => Self::System,
        }
    }
}

/// One event as the log keeps it, before it has a place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) board_id: Option<Uuid>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) event_type: String,
    pub(crate) actor: Actor,
    /// Whole microseconds.
    pub(crate) occurred_at: DateTime<Utc>,
    /// A sentence for people.
    pub(crate) message: String,
    /// The payload as JSON text.
    pub(crate) payload: String,
    /// `mission.event.v1.Event`.
    pub(crate) encoded: Vec<u8>,
}

impl Entry {
    /// Whether nothing is left of what it said.
    pub(crate) fn says_nothing(&self) -> bool {
        self.actor.name.is_empty()
            && self.message.is_empty()
            && self.payload.is_empty()
            && self.encoded.is_empty()
    }
}
