//! A delivery as its owner sees it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// What is to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    pub id: Uuid,
    pub queue: &'static str,
    /// Whatever shares a limit and takes turns with others: an endpoint, a gateway.
    pub target: String,
    /// What the sender needs.
    pub payload: Value,
    /// Not before.
    pub due_at: DateTime<Utc>,
    /// After this moment no attempt begins; it is given up.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: Uuid,
    pub queue: String,
    pub target: String,
    pub payload: Value,
    pub state: State,
    /// Attempts begun, over all redeliveries.
    pub attempts: i32,
    /// Of the last attempt that failed.
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    /// Absent while an attempt is under way and when none follows.
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub deadline_at: Option<DateTime<Utc>>,
    /// Number of the lease; grows with every attempt.
    pub fence: i64,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Due now or later; nothing has failed yet.
    Waiting,
    /// An attempt is under way.
    Sending,
    Sent,
    /// The last attempt failed; another follows.
    Failed,
    /// Given up.
    Dead,
}

impl State {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Sending,
            Self::Sent,
            Self::Failed,
            Self::Dead,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}
