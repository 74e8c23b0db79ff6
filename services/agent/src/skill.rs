//! Skills: packs out of git repositories, what is in them, and what gateways were asked to install.

pub(crate) mod address;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod departure;
pub(crate) mod discovery;
pub(crate) mod front_matter;
pub(crate) mod git;
pub(crate) mod index;
pub(crate) mod install;
pub(crate) mod outcome;
pub(crate) mod repository;
pub(crate) mod seed;
pub(crate) mod sync;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use install::Install;

/// Characters of a name, of a description, and of a category or a risk.
pub(crate) const NAME: usize = 200;
pub(crate) const DESCRIPTION: usize = 5_000;
pub(crate) const LABEL: usize = 100;
/// Packs of an organization.
pub(crate) const MAX_PACKS: i64 = 200;

/// A skill of an organization.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Skill {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub category: Option<String>,
    pub risk: Option<String>,
    /// Path in its pack.
    pub source: Option<String>,
    pub source_url: String,
    /// See [`address::repository`].
    pub repository: String,
    pub metadata: Value,
    pub vanished_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A skill and what one gateway has of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Card {
    pub skill: Skill,
    pub install: Option<Install>,
}

/// A pack of skills of an organization.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pack {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub source_url: String,
    pub repository: String,
    pub branch: String,
    pub metadata: Value,
    /// Skills of the organization that lie in its repository.
    pub skill_count: i64,
    pub sync: Sync,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The last sync of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sync {
    pub state: SyncState,
    /// Its delivery.
    pub id: Option<Uuid>,
    /// When the repository was last read.
    pub at: Option<DateTime<Utc>>,
    pub error: Option<String>,
    pub warnings: Vec<String>,
    pub counts: Counts,
}

/// What a sync came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub found: i32,
    pub created: i32,
    pub updated: i32,
    pub vanished: i32,
}

/// How far the last sync of a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncState {
    Never,
    Running,
    Done,
    Failed,
}

impl SyncState {
    const ALL: [Self; 4] = [Self::Never, Self::Running, Self::Done, Self::Failed];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A skill that a sync found in the repository of a pack.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub name: String,
    pub description: Option<String>,
    pub category: Option<String>,
    pub risk: Option<String>,
    pub source: String,
    pub source_url: String,
    pub metadata: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive() {
        for state in SyncState::ALL {
            assert_eq!(SyncState::parse(state.as_str()), Some(state));
        }
        assert_eq!(SyncState::parse("soon"), None);
    }
}
