//! What became of an approval, step by step.

use chassis::Caller;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::approval::{Approval, Decision};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub id: Uuid,
    pub approval_id: Uuid,
    pub change: Change,
    pub author: Author,
    pub note: Option<String>,
    /// Version of the approval after it.
    pub version: i64,
    pub at: DateTime<Utc>,
}

/// Who did it. Neither id stands for Mission Control itself, or an account that is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub user_id: Option<Uuid>,
    pub agent_id: Option<Uuid>,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Voted,
    Approved,
    Rejected,
    Expired,
    Reopened,
}

impl Entry {
    /// The step that led to the approval as it is.
    pub(crate) fn of(
        approval: &Approval,
        change: Change,
        author: Author,
        note: Option<String>,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            approval_id: approval.id,
            change,
            author,
            note,
            version: approval.version,
            at,
        }
    }
}

impl Author {
    /// Mission Control itself, under its own name or that of a policy.
    pub(crate) fn system(name: impl Into<String>) -> Self {
        Self {
            user_id: None,
            agent_id: None,
            name: name.into(),
        }
    }

    pub(crate) fn of(caller: &Caller) -> Self {
        let (user_id, agent_id) = match caller {
            Caller::User(user) => (Some(user.id), None),
            Caller::Agent(agent) => (None, Some(agent.id)),
            Caller::Internal { .. } | Caller::Anonymous => (None, None),
        };
        Self {
            user_id,
            agent_id,
            name: caller.event_actor().name,
        }
    }
}

impl From<Decision> for Change {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Approved => Self::Approved,
            Decision::Rejected => Self::Rejected,
        }
    }
}

impl Change {
    const ALL: [Self; 6] = [
        Self::Created,
        Self::Voted,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Reopened,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Voted => "voted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Reopened => "reopened",
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
    fn every_change_is_read_back_from_its_word() {
        for change in Change::ALL {
            assert_eq!(Change::parse(change.as_str()), Some(change));
        }
        assert_eq!(Change::parse("unlinked"), None);
    }
}
