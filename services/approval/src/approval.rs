//! A request to people, and what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

/// A request to people, decided or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Approval {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub board_id: Uuid,
    pub request: Request,
    /// In the order in which they were named. Deleted tasks are not among them.
    pub links: Vec<Link>,
    /// Who asked; nobody once the account is deleted.
    pub creator: Option<Creator>,
    /// Unknown for agents that asked before it was kept.
    pub requester: Option<Requester>,
    pub created_at: DateTime<Utc>,
    pub terms: Terms,
    /// How often it has been opened.
    pub round: i32,
    /// When it was created or last reopened.
    pub opened_at: DateTime<Utc>,
    /// Who approved in this round, in order.
    pub votes: Vec<Vote>,
    pub state: State,
    /// Grows with every change.
    pub version: i64,
}

/// What is asked for, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// Such as `task.close`.
    pub action_type: String,
    pub payload: Option<Json>,
    /// 0 to 100.
    pub confidence: f64,
    pub rubric_scores: BTreeMap<String, i32>,
}

/// What it takes to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How many people have to approve.
    pub required_approvals: i32,
    /// Whether the person who asked may not decide.
    pub self_approval_forbidden: bool,
    /// Where these terms are from, when not everybody's.
    pub policy_id: Option<Uuid>,
    /// When it is too late.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A task as it was when the approval was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub task_id: Uuid,
    pub title: String,
    /// The cycle for which the approval counts.
    pub cycle: i32,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creator {
    User(Uuid),
    Agent(Uuid),
}

/// Who asked, as far as policies tell callers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Requester {
    User,
    Lead,
    Worker,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    /// Nobody once the account is deleted.
    pub user_id: Option<Uuid>,
    pub user_name: String,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
}

/// Where an approval stands, with how it came there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Decided(Resolution),
    Expired { at: DateTime<Utc> },
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub decision: Decision,
    /// Absent when a policy decided, or once the account is deleted.
    pub user_id: Option<Uuid>,
    pub user_name: String,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Approved,
    Rejected,
}

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Approved,
    Rejected,
    Expired,
}

/// A task that waits for a decision already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub task_id: Uuid,
    pub approval_id: Uuid,
}

impl Approval {
    pub(crate) fn status(&self) -> Status {
        match &self.state {
            State::Pending => Status::Pending,
            State::Decided(resolution) => resolution.decision.into(),
            State::Expired { .. } => Status::Expired,
        }
    }

    /// Whether it is still pending though its time is over.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Pending && self.terms.expires_at.is_some_and(|at| at <= now)
    }

    /// When it expires if it is reopened now: it gets as much time as it had.
    pub(crate) fn expiry_if_reopened(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.terms.expires_at.map(|at| now + (at - self.opened_at))
    }

    /// The agent that asked, when one did.
    pub(crate) fn agent_id(&self) -> Option<Uuid> {
        match self.creator {
            Some(Creator::Agent(id)) => Some(id),
            Some(Creator::User(_)) | None => None,
        }
    }

    /// The person who asked, when one did.
    pub(crate) fn user_id(&self) -> Option<Uuid> {
        match self.creator {
            Some(Creator::User(id)) => Some(id),
            Some(Creator::Agent(_)) | None => None,
        }
    }

    pub(crate) fn task_ids(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.links.iter().map(|link| link.task_id)
    }
}

impl From<Decision> for Status {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Approved => Self::Approved,
            Decision::Rejected => Self::Rejected,
        }
    }
}

impl Status {
    pub(crate) const ALL: [Self; 4] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Expired];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl Requester {
    pub(crate) const ALL: [Self; 3] = [Self::User, Self::Lead, Self::Worker];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Lead => "lead",
            Self::Worker => "worker",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        for requester in Requester::ALL {
            assert_eq!(Requester::parse(requester.as_str()), Some(requester));
        }
        assert_eq!(Status::parse("withdrawn"), None);
        assert_eq!(Requester::parse("gateway_main"), None);
    }
}
