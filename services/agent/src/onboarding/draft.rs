//! What the agent says: a question, or a draft of the board's goal and of its lead.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Words that a draft may use.
pub(crate) const AUTONOMY: [&str; 3] = ["ask_first", "balanced", "autonomous"];
pub(crate) const VERBOSITY: [&str; 3] = ["concise", "balanced", "detailed"];
pub(crate) const FORMAT: [&str; 3] = ["bullets", "mixed", "narrative"];
pub(crate) const CADENCE: [&str; 4] = ["asap", "hourly", "daily", "weekly"];

/// One message of the agent. Its JSON, compact and without nulls, is what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Question(Question),
    Draft(Box<Draft>),
}

impl Said {
    /// As the person's client reads it.
    pub(crate) fn content(&self) -> serde_json::Result<String> {
        match self {
            Self::Question(question) => serde_json::to_string(question),
            Self::Draft(draft) => serde_json::to_string(draft),
        }
    }
}

/// A question with answers to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    pub question: String,
    pub options: Vec<Choice>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    pub id: String,
    pub label: String,
}

/// What a board is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BoardType {
    Goal,
    General,
}

/// The one status that an agent hands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Complete {
    Complete,
}

/// What the agent proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub status: Complete,
    #[serde(flatten)]
    pub goal: Goal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_profile: Option<UserProfile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_agent: Option<LeadDraft>,
}

/// What the board is to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub board_type: BoardType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_metrics: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_date: Option<DateTime<Utc>>,
}

impl Goal {
    /// What a goal board lacks.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        if self.board_type != BoardType::Goal {
            return Vec::new();
        }
        let missing = [
            ("objective", self.objective.is_none()),
            (
                "success_metrics",
                self.success_metrics.as_ref().is_none_or(Map::is_empty),
            ),
        ];
        missing
            .into_iter()
            .filter_map(|(field, missing)| missing.then_some(field))
            .collect()
    }
}

/// What the agent learnt of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserProfile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pronouns: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// The lead that the board is to have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeadDraft {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_profile: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autonomy_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_cadence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_instructions: Option<String>,
}

impl LeadDraft {
    /// What the lead is to be like: the preferences, and beside them the profile.
    pub(crate) fn profile(&self) -> Map<String, Value> {
        let preferences = [
            ("autonomy_level", &self.autonomy_level),
            ("verbosity", &self.verbosity),
            ("output_format", &self.output_format),
            ("update_cadence", &self.update_cadence),
            ("custom_instructions", &self.custom_instructions),
        ];
        let mut profile: Map<String, Value> = preferences
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), Value::from(value.as_deref()?))))
            .collect();
        for (key, value) in self.identity_profile.iter().flatten() {
            if !profile.contains_key(key) {
                profile.insert(key.clone(), value.clone());
            }
        }
        profile
    }

    fn autonomy(&self) -> Option<&str> {
        let entry = |key: &str| self.identity_profile.as_ref()?.get(key)?.as_str();
        self.autonomy_level
            .as_deref()
            .or_else(|| entry("autonomy_level"))
            .or_else(|| entry("autonomy"))
            .or_else(|| entry("mode"))
    }
}

impl Draft {
    /// Whether the lead is to ask before a task is done: unless it is to be fully autonomous.
    pub(crate) fn requires_approval(&self) -> bool {
        let autonomy = self.lead_agent.as_ref().and_then(LeadDraft::autonomy);
        !autonomy.is_some_and(is_autonomous)
    }
}

fn is_autonomous(word: &str) -> bool {
    let word = word.trim().to_lowercase().replace('_', "-");
    matches!(
        word.as_str(),
        "autonomous" | "fully-autonomous" | "full-autonomy"
    ) || word.contains("fully") && word.contains("autonom")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(json: Value) -> Draft {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_kept_is_compact_and_without_nulls_and_is_read_back() {
        let json = json!({
            "status": "complete", "board_type": "goal", "objective": "Fly", "success_metrics": {"height": 100},
            "target_date": "2027-01-01T00:00:00Z", "user_profile": {"preferred_name": "Ada"},
            "lead_agent": {"name": "Nova", "verbosity": "concise"},
        });
        let draft = draft(json.clone());
        let content = Said::Draft(Box::new(draft.clone())).content().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&content).unwrap(), json);
        assert!(content.starts_with("{\"status\":\"complete\",\"board_type\":\"goal\","));
        assert_eq!(serde_json::from_str::<Draft>(&content).unwrap(), draft);

        let question = Question {
            question: "What for?".into(),
            options: vec![Choice {
                id: "a".into(),
                label: "A".into(),
            }],
        };
        assert_eq!(
            Said::Question(question).content().unwrap(),
            r#"{"question":"What for?","options":[{"id":"a","label":"A"}]}"#
        );
    }

    #[test]
    fn only_full_autonomy_does_without_approval() {
        let asks = |lead: Value| {
            draft(json!({"status": "complete", "board_type": "general", "lead_agent": lead}))
                .requires_approval()
        };
        for lead in [
            json!({"autonomy_level": "autonomous"}),
            json!({"identity_profile": {"autonomy_level": "Fully_Autonomous"}}),
            json!({"identity_profile": {"autonomy": " FULL-autonomy "}}),
            json!({"identity_profile": {"mode": "be fully and wholly autonomic"}}),
        ] {
            assert!(!asks(lead.clone()), "{lead}");
        }
        for lead in [
            json!({}),
            json!({"autonomy_level": "balanced"}),
            json!({"autonomy_level": "ask_first", "identity_profile": {"mode": "autonomous"}}),
            json!({"identity_profile": {"mode": "semi-autonomous"}}),
        ] {
            assert!(asks(lead.clone()), "{lead}");
        }
        let without = draft(json!({"status": "complete", "board_type": "general"}));
        assert!(without.requires_approval());
    }

    #[test]
    fn a_goal_needs_an_objective_and_metrics() {
        let missing = |json: Value| {
            let goal: Goal = serde_json::from_value(json).unwrap();
            goal.missing()
        };
        assert_eq!(
            missing(json!({"board_type": "goal", "success_metrics": {}})),
            ["objective", "success_metrics"]
        );
        assert!(missing(json!({"board_type": "general"})).is_empty());
    }

    #[test]
    fn preferences_go_before_the_profile() {
        let lead = draft(json!({
            "status": "complete", "board_type": "general",
            "lead_agent": {"verbosity": "concise", "identity_profile": {"verbosity": "x", "role": "Captain"}},
        }))
        .lead_agent
        .unwrap();
        let profile = Value::Object(lead.profile());
        assert_eq!(profile, json!({"verbosity": "concise", "role": "Captain"}));
    }
}
