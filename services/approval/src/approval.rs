//! A request to a person, and their decision.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

/// A request to a person, decided or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Approval {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub board_id: Uuid,
    pub request: Request,
    /// In the order in which they were named.
    pub links: Vec<Link>,
    pub creator: Creator,
    pub created_at: DateTime<Utc>,
    /// Absent while it is pending.
    pub resolution: Option<Resolution>,
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

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub decision: Decision,
    pub user_id: Uuid,
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
    Resolved(Decision),
}

/// A task that waits for a decision already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub task_id: Uuid,
    pub approval_id: Uuid,
}

impl Approval {
    pub(crate) fn status(&self) -> Status {
        self.resolution
            .as_ref()
            .map_or(Status::Pending, |resolution| {
                Status::Resolved(resolution.decision)
            })
    }

    /// The agent that asked, when one did.
    pub(crate) fn agent_id(&self) -> Option<Uuid> {
        match self.creator {
            Creator::Agent(id) => Some(id),
            Creator::User(_) => None,
        }
    }

    /// The person who asked, when one did.
    pub(crate) fn user_id(&self) -> Option<Uuid> {
        match self.creator {
            Creator::User(id) => Some(id),
            Creator::Agent(_) => None,
        }
    }
}

impl Decision {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Approved, Self::Rejected]
            .into_iter()
            .find(|known| known.as_str() == word)
    }
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resolved(decision) => decision.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_is_read_back_from_its_word() {
        for decision in [Decision::Approved, Decision::Rejected] {
            assert_eq!(Decision::parse(decision.as_str()), Some(decision));
        }
        assert_eq!(Decision::parse("pending"), None);
    }
}
