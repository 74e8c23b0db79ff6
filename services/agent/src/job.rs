//! Life-cycle work: jobs made of steps, each of which can be repeated without harm.
//!
//! | Step | What it does | Why repeating is harmless |
//! |---|---|---|
//! | token | mints a token if one is wanted or none is known, and starts the phase | an unwritten token is kept, not minted again |
//! | ensure | makes the agent exist on its gateway | the gateway is asked for a state, not for a change |
//! | files | renders and writes the workspace | the same token and text are written |
//! | reset | begins the agent's session anew | an empty session is emptied |
//! | wake | tells the agent's session to begin | the message has the job's id as its idempotency key |
//! | remove | makes the agent, or what we put into its files, cease to exist on its gateway | what is gone stays gone |
//!
//! | Kind | Steps |
//! |---|---|
//! | provision | token, ensure, files, reset if wished, wake |
//! | update | token, ensure, files, reset if wished, wake if wished |
//! | pace | ensure |
//! | delete | remove |
//!
//! Nothing but a wish mints a token for, resets or wakes an agent that is in place: see [`Wish`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
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
    Reset,
    Wake,
    Remove,
    Done,
}

/// What a job does beyond bringing an agent's files up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    /// A new token; the old one ends when it is first used.
    #[serde(skip_serializing_if = "is_false")]
    pub rotate: bool,
    /// The session begins anew.
    #[serde(skip_serializing_if = "is_false")]
    pub reset_session: bool,
    /// The session is told to begin, and a call of the agent is waited for. An agent that is put in place for the first
    /// time is woken anyway.
    #[serde(skip_serializing_if = "is_false")]
    pub wake: bool,
    /// BOOTSTRAP.md is written again.
    #[serde(skip_serializing_if = "is_false")]
    pub force_bootstrap: bool,
    /// Files that agents keep for themselves are written again.
    #[serde(skip_serializing_if = "is_false")]
    pub overwrite: bool,
    /// The template sync for which it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<Uuid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Wish {
    /// Both at once.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            rotate: self.rotate || other.rotate,
            reset_session: self.reset_session || other.reset_session,
            wake: self.wake || other.wake,
            force_bootstrap: self.force_bootstrap || other.force_bootstrap,
            overwrite: self.overwrite || other.overwrite,
            sync_id: other.sync_id.or(self.sync_id),
        }
    }
}

/// The person for whom something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requester {
    /// Absent when it is not a person.
    pub user_id: Option<Uuid>,
    pub name: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub kind: Kind,
    pub step: Step,
    pub wish: Wish,
    pub requested_by: Option<Requester>,
    /// Something that it may have read already has changed since: another job follows, with `again_wish`.
    pub again: bool,
    pub again_wish: Wish,
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
}

impl Job {
    /// The step after one that is done.
    pub(crate) fn after(&self, done: Step) -> Step {
        let woken = self.wish.wake || self.kind == Kind::Provision;
        match done {
            Step::Token => Step::Ensure,
            Step::Ensure if self.kind == Kind::Pace => Step::Done,
            Step::Ensure => Step::Files,
            Step::Files if self.wish.reset_session => Step::Reset,
            Step::Files | Step::Reset if woken => Step::Wake,
            Step::Files | Step::Reset | Step::Wake | Step::Remove | Step::Done => Step::Done,
        }
    }
}

impl Step {
    const ALL: [Self; 7] = [
        Self::Token,
        Self::Ensure,
        Self::Files,
        Self::Reset,
        Self::Wake,
        Self::Remove,
        Self::Done,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Ensure => "ensure",
            Self::Files => "files",
            Self::Reset => "reset",
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

    fn job(kind: Kind, wish: Wish) -> Job {
        Job {
            id: Uuid::nil(),
            agent_id: Uuid::nil(),
            kind,
            step: kind.begins(),
            wish,
            requested_by: None,
            again: false,
            again_wish: Wish::default(),
            pace_again: false,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn steps(kind: Kind, wish: Wish) -> Vec<&'static str> {
        let job = job(kind, wish);
        let mut step = kind.begins();
        let mut steps = Vec::new();
        while step != Step::Done {
            steps.push(step.as_str());
            step = job.after(step);
        }
        steps
    }

    #[test]
    fn nothing_but_a_wish_resets_or_wakes_an_agent_that_is_in_place() {
        let all = Wish {
            reset_session: true,
            wake: true,
            ..Wish::default()
        };
        let reset = Wish { wake: false, ..all };
        assert_eq!(
            steps(Kind::Update, Wish::default()),
            ["token", "ensure", "files"]
        );
        assert_eq!(
            steps(Kind::Update, all),
            ["token", "ensure", "files", "reset", "wake"]
        );
        assert_eq!(
            steps(Kind::Update, reset),
            ["token", "ensure", "files", "reset"]
        );
        assert_eq!(
            steps(Kind::Provision, Wish::default()),
            ["token", "ensure", "files", "wake"]
        );
        assert_eq!(steps(Kind::Pace, all), ["ensure"]);
        assert_eq!(steps(Kind::Delete, all), ["remove"]);
    }

    #[test]
    fn a_wish_survives_its_json_and_adds_up() {
        let rotate = Wish {
            rotate: true,
            ..Wish::default()
        };
        let synced = Wish {
            wake: true,
            sync_id: Some(Uuid::from_u128(5)),
            ..Wish::default()
        };
        let json = serde_json::to_value(rotate.and(synced)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"rotate": true, "wake": true, "sync_id": Uuid::from_u128(5)})
        );
        assert_eq!(
            serde_json::from_value::<Wish>(json).unwrap(),
            rotate.and(synced)
        );
        assert_eq!(
            serde_json::json!({}),
            serde_json::to_value(Wish::default()).unwrap()
        );
    }
}
