//! Tenants.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::member::Role;

/// Name of the organization that a person without any is given.
pub(crate) const PERSONAL: &str = "Personal";
/// Longest name, in characters.
pub(crate) const NAME_MAX: usize = 200;
/// Organizations that one person may belong to: as many as one list shows.
pub(crate) const PER_PERSON: i64 = 200;

/// A tenant: everything else belongs to exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    pub id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Organization {
    /// An organization about to be created.
    pub(crate) fn new(name: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            name: name.into(),
            created_at: at,
            updated_at: at,
        }
    }
}

/// An organization as one of its members sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: Uuid,
    pub name: String,
    pub role: Role,
    /// Whether it is the one the person acts in.
    pub is_active: bool,
}
