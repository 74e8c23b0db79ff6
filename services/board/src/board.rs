//! A board: a place where one team of agents works, and the rules of that place.

pub(crate) mod change;
pub(crate) mod slug;

use chassis::BoardScope;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{author::Author, task::gate::Rules};

/// What a board is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has an objective and success metrics.
    Goal,
    General,
}

impl Kind {
    /// The word for it, on REST and in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::General => "general",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Goal, Self::General]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What people say about a board. Whoever may write the board may change it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) description: String,
    pub(crate) kind: Kind,
    pub(crate) objective: Option<String>,
    pub(crate) success_metrics: Option<Json>,
    pub(crate) target_date: Option<DateTime<Utc>>,
    pub(crate) goal_confirmed: bool,
    pub(crate) goal_source: Option<String>,
}

/// What governs a board. Admins alone change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Governance {
    /// `None` once its gateway is gone, until an admin gives it another.
    pub(crate) gateway_id: Option<Uuid>,
    pub(crate) board_group_id: Option<Uuid>,
    pub(crate) rules: Rules,
    /// How many workers the lead may create.
    pub(crate) max_agents: i32,
}

/// A standstill: what the agents of a board are to be told waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) at: DateTime<Utc>,
    pub(crate) by: Author,
}

/// A board as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Board {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) content: Content,
    pub(crate) governance: Governance,
    /// Set while its agents are paused.
    pub(crate) pause: Option<Pause>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Grows with every change of the board and of anything on it.
    pub(crate) version: i64,
}

impl Board {
    /// What rights on the board hang on.
    pub(crate) const fn scope(&self) -> BoardScope {
        BoardScope {
            organization_id: self.organization_id,
            board_id: self.id,
            gateway_id: self.governance.gateway_id,
        }
    }
}

impl Content {
    /// The fields that a confirmed goal lacks. Holds for every way of writing a board.
    pub(crate) fn missing_for_goal(&self) -> Vec<&'static str> {
        if self.kind != Kind::Goal || !self.goal_confirmed {
            return Vec::new();
        }
        let metrics = self.success_metrics.as_ref().and_then(Json::as_object);
        let missing = [
            ("objective", self.objective.is_none()),
            (
                "success_metrics",
                metrics.is_none_or(serde_json::Map::is_empty),
            ),
        ];
        missing
            .into_iter()
            .filter_map(|(name, missing)| missing.then_some(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content() -> Content {
        Content {
            name: "Launch".into(),
            slug: "launch".into(),
            description: "d".into(),
            kind: Kind::Goal,
            objective: None,
            success_metrics: None,
            target_date: None,
            goal_confirmed: false,
            goal_source: None,
        }
    }

    #[test]
    fn only_a_confirmed_goal_needs_its_fields() {
        assert!(content().missing_for_goal().is_empty());
        let confirmed = Content {
            goal_confirmed: true,
            ..content()
        };
        assert_eq!(
            confirmed.missing_for_goal(),
            ["objective", "success_metrics"]
        );
        let empty = Content {
            objective: Some("o".into()),
            success_metrics: Some(json!({})),
            ..confirmed.clone()
        };
        assert_eq!(empty.missing_for_goal(), ["success_metrics"]);
        assert!(
            Content {
                kind: Kind::General,
                ..confirmed
            }
            .missing_for_goal()
            .is_empty()
        );
    }
}
