//! A custom field: what an organization wants to know of the tasks on some of its boards.

mod moment;
mod refusal;
pub(crate) mod rule;
pub(crate) mod values;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

pub(crate) use refusal::Refusal;
use rule::Rule;

/// Most definitions of one organization, archived ones included.
pub(crate) const MAX_PER_ORGANIZATION: i64 = 200;

/// Most boards of one definition.
pub(crate) const MAX_BOARDS: usize = 500;

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    TextLong,
    Integer,
    Decimal,
    Boolean,
    Date,
    DateTime,
    Url,
    Json,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Text,
        Self::TextLong,
        Self::Integer,
        Self::Decimal,
        Self::Boolean,
        Self::Date,
        Self::DateTime,
        Self::Url,
        Self::Json,
    ];

    /// The word for it, on REST and in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::TextLong => "text_long",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "date_time",
            Self::Url => "url",
            Self::Json => "json",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind that a person means: its word in any case, or one of the names that it has elsewhere.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let word = text.trim().to_lowercase();
        match word.as_str() {
            "text (long)" | "long_text" => Some(Self::TextLong),
            "true/false" => Some(Self::Boolean),
            "date & time" | "datetime" => Some(Self::DateTime),
            word => Self::parse(word),
        }
    }

    /// Whether an expression can say more about its values.
    pub(crate) const fn takes_regex(self) -> bool {
        match self {
            Self::Text | Self::TextLong | Self::Date | Self::DateTime | Self::Url => true,
            Self::Integer | Self::Decimal | Self::Boolean | Self::Json => false,
        }
    }
}

/// When a user interface shows a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    Always,
    IfSet,
    Hidden,
}

impl Visibility {
    /// The word for it, on REST and in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::IfSet => "if_set",
            Self::Hidden => "hidden",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Always, Self::IfSet, Self::Hidden]
            .into_iter()
            .find(|visibility| visibility.as_str() == word)
    }

    /// The visibility that a person means: its word in any case.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "if set" => Some(Self::IfSet),
            word => Self::parse(word),
        }
    }
}

/// The definition of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CustomField {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    /// Lower case, never changed.
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) visibility: Visibility,
    /// Matches the whole of a value.
    pub(crate) regex: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) required: bool,
    /// Shown for a task that has no value of its own; never null.
    pub(crate) default: Option<Json>,
    /// Boards whose tasks have the field.
    pub(crate) board_ids: Vec<Uuid>,
    /// Hidden from tasks; values are kept.
    pub(crate) archived: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl CustomField {
    /// What its values must be.
    pub(crate) fn rule(&self) -> Result<Rule, Refusal> {
        Rule::new(self.kind, self.regex.as_deref())
    }

    /// Judges type, expression and default together.
    pub(crate) fn judge(&self) -> Result<Rule, Refusal> {
        let rule = self.rule()?;
        if let Some(default) = &self.default {
            rule.check(default)
                .map_err(|why| Refusal::DefaultInvalid { why })?;
        }
        Ok(rule)
    }

    /// Names of the fields in which the two differ, as the contract names them.
    pub(crate) fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        [
            ("label", self.label != after.label),
            ("field_type", self.kind != after.kind),
            ("ui_visibility", self.visibility != after.visibility),
            ("validation_regex", self.regex != after.regex),
            ("description", self.description != after.description),
            ("required", self.required != after.required),
            ("default_value", self.default != after.default),
            ("board_ids", !self.is_on_boards_of(after)),
            ("archived", self.archived != after.archived),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }

    fn is_on_boards_of(&self, other: &Self) -> bool {
        self.board_ids.len() == other.board_ids.len()
            && self.board_ids.iter().all(|id| other.board_ids.contains(id))
    }

    /// Whether stored values that were good may be bad after a change.
    pub(crate) fn is_stricter_than(&self, before: &Self) -> bool {
        self.kind != before.kind || (self.regex != before.regex && self.regex.is_some())
    }

    /// Boards on which the change makes tasks show something else.
    pub(crate) fn boards_shown_anew(&self, after: &Self) -> Vec<Uuid> {
        let everywhere = self.archived != after.archived || self.default != after.default;
        let all = self.board_ids.iter().chain(
            after
                .board_ids
                .iter()
                .filter(|id| !self.board_ids.contains(id)),
        );
        if everywhere {
            return all.copied().collect();
        }
        let moved = |id: &&Uuid| self.board_ids.contains(id) != after.board_ids.contains(id);
        all.filter(moved).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_several_names() {
        for (text, kind) in [
            (" TEXT ", Kind::Text),
            ("Text (long)", Kind::TextLong),
            ("long_text", Kind::TextLong),
            ("True/False", Kind::Boolean),
            ("date & time", Kind::DateTime),
            ("datetime", Kind::DateTime),
            ("JSON", Kind::Json),
        ] {
            assert_eq!(Kind::read(text), Some(kind), "{text}");
        }
        assert_eq!(Kind::read("number"), None);
        assert_eq!(Visibility::read("If Set"), Some(Visibility::IfSet));
        assert_eq!(Visibility::read("sometimes"), None);
    }
}
