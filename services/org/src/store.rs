//! Rows of this service. Absence is an `Option`: only `rpc` decides that it is an error.

pub(crate) mod identities;
pub(crate) mod members;
pub(crate) mod organizations;
pub(crate) mod users;

use crate::member::Role;

/// Reads a role that the check constraint admits.
fn role(word: &str) -> sqlx::Result<Role> {
    Role::parse(word).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: "role".to_owned(),
        source: format!("unknown role `{word}`").into(),
    })
}
