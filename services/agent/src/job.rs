//! Life-cycle work: jobs made of steps, each of which can be repeated without harm.
//!
//! | Step | What it does | Why repeating is harmless |
//! |---|---|---|
//! | token | mints the agent's next token and starts the phase | an unwritten token is kept, not minted again |
//! | ensure | makes the agent exist on its gateway | the gateway is asked for a state, not for a change |
//! | files | renders and writes the workspace | the same token and text are written |
//! | wake | tells the agent's session to begin | the message has the job's id as its idempotency key |
//! | remove | makes the agent cease to exist on its gateway | what is gone stays gone |
//!
//! | Kind | Steps |
//! |---|---|
//! | provision, update | token, ensure, files, wake |
//! | pace | ensure |
//! | delete | remove |

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
    /// Tells its gateway how often an agent means to wake up; neither its token nor its session notices.
    Pace,
    /// Takes an agent from its gateway.
    Delete,
}

/// The step that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Token,
    Ensure,
    Files,
    Wake,
    Remove,
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
    /// Its agent is to keep another pace since.
    pub pace_again: bool,
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
            Self::Pace => "pace",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Provision, Self::Update, Self::Pace, Self::Delete]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }

    /// The step with which such a job begins.
    pub(crate) const fn begins(self) -> Step {
        match self {
            Self::Provision | Self::Update => Step::Token,
            Self::Pace => Step::Ensure,
            Self::Delete => Step::Remove,
        }
    }

    /// How the phase changes when such a job starts; a removal started when it was decided.
    pub(crate) const fn starts(self) -> Option<Change> {
        match self {
            Self::Provision => Some(Change::Provision),
            Self::Update | Self::Pace => Some(Change::Update),
            Self::Delete => None,
        }
    }

    /// What follows once the agent exists on its gateway as it should.
    pub(crate) const fn after_ensuring(self) -> Step {
        match self {
            Self::Provision | Self::Update => Step::Files,
            Self::Pace | Self::Delete => Step::Done,
        }
    }
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Token,
        Self::Ensure,
        Self::Files,
        Self::Wake,
        Self::Remove,
        Self::Done,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Ensure => "ensure",
            Self::Files => "files",
            Self::Wake => "wake",
            Self::Remove => "remove",
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
        for kind in [Kind::Provision, Kind::Update, Kind::Pace, Kind::Delete] {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("forget"), None);
    }
}
