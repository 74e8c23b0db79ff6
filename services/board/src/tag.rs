//! A tag: a word that an organization puts on its tasks.

use chassis::Code;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};
use thiserror::Error;
use uuid::Uuid;

use crate::board::slug;

/// Most tags of one organization.
pub(crate) const MAX_PER_ORGANIZATION: i64 = 1_000;

/// Most tags of one task.
pub(crate) const MAX_PER_TASK: usize = 50;

/// The colour of a tag that was given none.
pub(crate) const DEFAULT_COLOR: &str = "9e9e9e";

/// A tag as its task shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    /// Six hexadecimal digits.
    pub(crate) color: String,
}

/// A tag of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) organization_id: Uuid,
    pub(crate) badge: Badge,
    pub(crate) description: Option<String>,
    /// Tasks that have it.
    pub(crate) task_count: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Tag {
    /// Names of the fields in which the two differ, as the contract names them.
    pub(crate) fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        let (a, b) = (&self.badge, &after.badge);
        [
            ("name", a.name != b.name),
            ("slug", a.slug != b.slug),
            ("color", a.color != b.color),
            ("description", self.description != after.description),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

/// The slug that a text stands for.
pub(crate) fn slug(text: &str) -> String {
    slug::of(text).unwrap_or_else(|| "tag".to_owned())
}

/// A colour in its one form; none for what is no colour.
pub(crate) fn color(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix('#').unwrap_or(trimmed);
    (digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| digits.to_ascii_lowercase())
}

/// A lawful "no" about tags.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("the tag does not exist")]
    NotFound,
    #[error("another tag of the organization has this slug")]
    SlugTaken,
    #[error("an organization has at most {MAX_PER_ORGANIZATION} tags")]
    TooMany,
    #[error("the request names nothing to change")]
    NothingToChange,
    #[error("some tags are not the organization's")]
    Missing { ids: Vec<Uuid> },
}

impl Refusal {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::NotFound | Self::Missing { .. } => Code::NotFound,
            Self::SlugTaken => Code::AlreadyExists,
            Self::TooMany => Code::Conflict,
            Self::NothingToChange => Code::Invalid,
        }
    }

    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "TAG_NOT_FOUND",
            Self::SlugTaken => "TAG_SLUG_TAKEN",
            Self::TooMany => "TOO_MANY_TAGS",
            Self::NothingToChange => "NOTHING_TO_CHANGE",
            Self::Missing { .. } => "TAGS_NOT_FOUND",
        }
    }

    pub(crate) fn facts(&self) -> Map<String, Json> {
        match self {
            Self::Missing { ids } => Map::from_iter([("missing_tag_ids".to_owned(), json!(ids))]),
            Self::NotFound | Self::SlugTaken | Self::TooMany | Self::NothingToChange => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_what_is_left_of_the_name() {
        assert_eq!(slug("Release / QA"), "release-qa");
        assert_eq!(slug("!!!"), "tag");
    }

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!(color(" #FFaa00 ").as_deref(), Some("ffaa00"));
        assert_eq!(color("0a0B0c").as_deref(), Some("0a0b0c"));
        for bad in ["", "#", "fff", "#fffffff", "##ffffff", "gggggg", "ää"] {
            assert_eq!(color(bad), None, "{bad}");
        }
    }
}
