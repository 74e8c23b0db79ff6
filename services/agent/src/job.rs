//! Life-cycle work: jobs made of steps, each of which can be repeated without harm.
//!
//! | Step | What it does | Why repeating is harmless |
//! |---|---|---|
//! | token | mints the agent's next token and starts the phase | an unwritten token is kept, not minted again |
//! | ensure | makes the agent exist on its gateway | the gateway is asked for a state, not for a change |
//! | files | renders and writes the workspace | the same token and text are written |
//! | wake | tells the agent's session to begin | the message has the job's id as its idempotency key |

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::phase::Change;

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Puts an agent in place for the first time.
    Provision,
    /// Brings an agent that was in place up to date.
    Update,
}

/// The step that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Token,
    Ensure,
    Files,
    Wake,
    Done,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub kind: Kind,
    pub step: Step,
    /// Name of the person for whom it runs.
    pub requested_by: Option<String>,
    /// Something that it may have read already has changed since.
    pub again: bool,
    pub created_at: DateTime<Utc>,
}

impl Kind {
    /// The kind of job that an agent needs.
    pub(crate) fn needed(provisioned_at: Option<DateTime<Utc>>) -> Self {
        if provisioned_at.is_some() {
            Self::Update
        } else {
            Self::Provision
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Update => "update",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Provision, Self::Update]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }

    /// How the phase changes when such a job starts.
    pub(crate) const fn starts(self) -> Change {
        match self {
            Self::Provision => Change::Provision,
            Self::Update => Change::Update,
        }
    }
}

impl Step {
    const ALL: [Self; 5] = [
        Self::Token,
        Self::Ensure,
        Self::Files,
        Self::Wake,
        Self::Done,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Ensure => "ensure",
            Self::Files => "files",
            Self::Wake => "wake",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive() {
        for step in Step::ALL {
            assert_eq!(Step::parse(step.as_str()), Some(step));
        }
        assert_eq!(Kind::parse("update"), Some(Kind::Update));
        assert_eq!(Kind::parse("delete"), None);
    }
}
