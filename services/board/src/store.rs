//! The tables of this service.

pub(crate) mod boards;
pub(crate) mod comments;
pub(crate) mod dependencies;
pub(crate) mod erase;
pub(crate) mod forget;
pub(crate) mod groups;
pub(crate) mod memory;
pub(crate) mod tasks;

/// A word that only this service writes and a check constraint guards.
fn stored_word<T>(column: &str, word: &str, parse: fn(&str) -> Option<T>) -> sqlx::Result<T> {
    parse(word).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unknown word {word:?}").into(),
    })
}
