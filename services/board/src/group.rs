//! A group: boards that work towards something together.

pub(crate) mod pace;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Most boards in one group: all of them are told of a newcomer, and all are in one snapshot.
pub(crate) const MAX_BOARDS: i64 = 200;

/// A group as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Group {
    /// Names of the fields in which the two differ, as the contract names them.
    pub(crate) fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        let differs = [
            ("description", self.description != after.description),
            ("name", self.name != after.name),
            ("slug", self.slug != after.slug),
        ];
        differs
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect()
    }
}
