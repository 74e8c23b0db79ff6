//! Rows of this service. Absence is an `Option`: only `rpc` decides that it is an error.

pub(crate) mod access;
pub(crate) mod api_tokens;
pub(crate) mod identities;
pub(crate) mod invites;
pub(crate) mod members;
pub(crate) mod organizations;
pub(crate) mod users;

use crate::{api_token::Scope, member::Role};

/// Reads a role that the check constraint admits.
fn role(word: &str) -> sqlx::Result<Role> {
    Role::parse(word).ok_or_else(|| unknown("role", word))
}

/// Reads scopes that the check constraint admits.
fn scopes(words: &[String]) -> sqlx::Result<Vec<Scope>> {
    words
        .iter()
        .map(|word| Scope::parse(word).ok_or_else(|| unknown("scopes", word)))
        .collect()
}

fn unknown(column: &str, word: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unknown {column} `{word}`").into(),
    }
}
