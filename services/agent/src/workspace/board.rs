//! What an agent's files say about its board.

use serde_json::Value;

use crate::quote;

/// A board, as its owner knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub id: uuid::Uuid,
    pub name: String,
    pub description: String,
    pub is_goal: bool,
    pub objective: Option<String>,
    pub success_metrics: Option<Value>,
    pub target_date: Option<chrono::DateTime<chrono::Utc>>,
    pub require_approval_for_done: bool,
    pub require_review_before_done: bool,
    pub comment_required_for_review: bool,
    pub block_status_changes_with_pending_approval: bool,
    pub only_lead_can_change_status: bool,
    pub max_agents: i32,
}

/// A board, in the words of the templates.
pub(crate) struct Board {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub description: String,
    pub objective: Option<String>,
    pub success_metrics: Option<String>,
    pub target_date: Option<String>,
    pub require_approval_for_done: &'static str,
    pub require_review_before_done: &'static str,
    pub comment_required_for_review: &'static str,
    pub block_status_changes_with_pending_approval: &'static str,
    pub only_lead_can_change_status: &'static str,
    pub max_agents: i32,
}

impl Board {
    pub(crate) fn of(facts: &Facts) -> Self {
        Self {
            id: facts.id.to_string(),
            name: quote::line(&facts.name, 200),
            kind: if facts.is_goal {
                "a goal"
            } else {
                "general work"
            },
            description: quote::set_off(&facts.description, 1_500),
            objective: facts
                .objective
                .as_ref()
                .map(|text| quote::set_off(text, 1_000)),
            success_metrics: facts
                .success_metrics
                .as_ref()
                .map(|json| quote::set_off(&json.to_string(), 1_000)),
            target_date: facts
                .target_date
                .map(|at| at.format("%Y-%m-%d").to_string()),
            require_approval_for_done: word(facts.require_approval_for_done),
            require_review_before_done: word(facts.require_review_before_done),
            comment_required_for_review: word(facts.comment_required_for_review),
            block_status_changes_with_pending_approval: word(
                facts.block_status_changes_with_pending_approval,
            ),
            only_lead_can_change_status: word(facts.only_lead_can_change_status),
            max_agents: facts.max_agents,
        }
    }
}

fn word(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
