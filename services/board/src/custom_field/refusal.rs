//! Why a custom field is not defined, changed or filled as was asked.

use chassis::Code;
use serde_json::{Map, Value as Json, json};
use thiserror::Error;
use uuid::Uuid;

use super::{Kind, MAX_PER_ORGANIZATION};

/// A lawful "no" about custom fields.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("the custom field does not exist")]
    NotFound,
    #[error("another custom field of the organization has this key")]
    KeyTaken,
    #[error("an organization has at most {MAX_PER_ORGANIZATION} custom fields")]
    TooMany,
    #[error("the request names nothing to change")]
    NothingToChange,
    #[error("the key of a custom field never changes")]
    Immutable,
    #[error("some boards are not the organization's")]
    BoardsInvalid { ids: Vec<Uuid> },
    #[error("the expression {why}")]
    RegexInvalid { why: String },
    #[error("the default {why}")]
    DefaultInvalid { why: String },
    #[error("{count} stored values would not be valid")]
    ValuesInvalid { count: usize },
    #[error("the board has no such fields: {}", keys.join(", "))]
    Unknown { keys: Vec<String> },
    #[error("{key} {why}")]
    Unfit {
        key: String,
        kind: Kind,
        why: String,
    },
    #[error("the board wants a value of: {}", keys.join(", "))]
    Missing { keys: Vec<String> },
    #[error("the values of one task are at most {max} bytes of JSON together")]
    TooLong { max: usize },
}

impl Refusal {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::KeyTaken => Code::AlreadyExists,
            Self::TooMany | Self::ValuesInvalid { .. } => Code::Conflict,
            Self::NothingToChange
            | Self::Immutable
            | Self::BoardsInvalid { .. }
            | Self::RegexInvalid { .. }
            | Self::DefaultInvalid { .. }
            | Self::Unknown { .. }
            | Self::Unfit { .. }
            | Self::Missing { .. }
            | Self::TooLong { .. } => Code::Invalid,
        }
    }

    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "CUSTOM_FIELD_NOT_FOUND",
            Self::KeyTaken => "CUSTOM_FIELD_KEY_TAKEN",
            Self::TooMany => "TOO_MANY_CUSTOM_FIELDS",
            Self::NothingToChange => "NOTHING_TO_CHANGE",
            Self::Immutable => "FIELD_IMMUTABLE",
            Self::BoardsInvalid { .. } => "BOARDS_INVALID",
            Self::RegexInvalid { .. } => "REGEX_INVALID",
            Self::DefaultInvalid { .. } => "DEFAULT_INVALID",
            Self::ValuesInvalid { .. } => "CUSTOM_FIELD_VALUES_INVALID",
            Self::Unknown { .. } => "CUSTOM_FIELDS_UNKNOWN",
            Self::Unfit { .. } => "CUSTOM_FIELD_INVALID",
            Self::Missing { .. } => "CUSTOM_FIELDS_MISSING",
            Self::TooLong { .. } => "CUSTOM_FIELDS_TOO_LONG",
        }
    }

    /// The field of the request that is wrong, for those that are about one.
    pub(crate) const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Immutable => Some("field_key"),
            Self::BoardsInvalid { .. } => Some("board_ids"),
            Self::RegexInvalid { .. } => Some("validation_regex"),
            Self::DefaultInvalid { .. } => Some("default_value"),
            Self::Unknown { .. }
            | Self::Unfit { .. }
            | Self::Missing { .. }
            | Self::TooLong { .. } => Some("custom_field_values"),
            Self::NotFound
            | Self::KeyTaken
            | Self::TooMany
            | Self::NothingToChange
            | Self::ValuesInvalid { .. } => None,
        }
    }

    pub(crate) fn facts(&self) -> Map<String, Json> {
        let facts: &[(&str, Json)] = match self {
            Self::BoardsInvalid { ids } => &[("invalid_board_ids", json!(ids))],
            Self::ValuesInvalid { count } => &[("invalid_count", json!(count))],
            Self::Unknown { keys } => &[("unknown_field_keys", json!(keys))],
            Self::Missing { keys } => &[("missing_field_keys", json!(keys))],
            Self::Unfit { key, kind, why } => &[
                ("field_key", json!(key)),
                ("field_type", json!(kind.as_str())),
                ("reason", json!(why)),
            ],
            Self::NotFound
            | Self::KeyTaken
            | Self::TooMany
            | Self::NothingToChange
            | Self::Immutable
            | Self::RegexInvalid { .. }
            | Self::DefaultInvalid { .. }
            | Self::TooLong { .. } => &[],
        };
        facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }
}
