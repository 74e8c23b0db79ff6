//! In which fields a board differs from what it was.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Board;

/// A field before and after, as JSON has them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) field: &'static str,
    pub(crate) old: Json,
    pub(crate) new: Json,
}

/// Fields that admins alone change: where the board lives, with whom it works together, and its rules.
const RULED: [&str; 8] = [
    "block_status_changes_with_pending_approval",
    "board_group_id",
    "comment_required_for_review",
    "gateway_id",
    "max_agents",
    "only_lead_can_change_status",
    "require_approval_for_done",
    "require_review_before_done",
];

impl Change {
    /// A move from one group to another, or out of all.
    pub(crate) fn of_group(old: Option<Uuid>, new: Option<Uuid>) -> Self {
        Self {
            field: "board_group_id",
            old: json!(old),
            new: json!(new),
        }
    }

    /// Whether admins alone may make it.
    pub(crate) fn is_ruled(&self) -> bool {
        RULED.contains(&self.field)
    }
}

impl Board {
    /// The fields in which the two differ, as the contract names them, by name.
    pub(crate) fn changes(&self, after: &Self) -> Vec<Change> {
        facts(self)
            .into_iter()
            .zip(facts(after))
            .filter(|((_, old), (_, new))| old != new)
            .map(|((field, old), (_, new))| Change { field, old, new })
            .collect()
    }
}

/// What can be changed of a board, by name.
fn facts(board: &Board) -> [(&'static str, Json); 17] {
    let (content, governance) = (&board.content, &board.governance);
    let rules = &governance.rules;
    [
        (
            "block_status_changes_with_pending_approval",
            json!(rules.block_status_changes_with_pending_approval),
        ),
        ("board_group_id", json!(governance.board_group_id)),
        ("board_type", json!(content.kind.as_str())),
        (
            "comment_required_for_review",
            json!(rules.comment_required_for_review),
        ),
        ("description", json!(content.description)),
        ("gateway_id", json!(governance.gateway_id)),
        ("goal_confirmed", json!(content.goal_confirmed)),
        ("goal_source", json!(content.goal_source)),
        ("max_agents", json!(governance.max_agents)),
        ("name", json!(content.name)),
        ("objective", json!(content.objective)),
        (
            "only_lead_can_change_status",
            json!(rules.only_lead_can_change_status),
        ),
        (
            "require_approval_for_done",
            json!(rules.require_approval_for_done),
        ),
        (
            "require_review_before_done",
            json!(rules.require_review_before_done),
        ),
        ("slug", json!(content.slug)),
        ("success_metrics", json!(content.success_metrics)),
        ("target_date", json!(content.target_date.map(moment))),
    ]
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
