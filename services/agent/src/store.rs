//! The tables of this schema.

pub(crate) mod agents;
pub(crate) mod departures;
pub(crate) mod gateways;
pub(crate) mod installs;
pub(crate) mod jobs;
pub(crate) mod leads;
pub(crate) mod locks;
pub(crate) mod notices;
pub(crate) mod onboardings;
pub(crate) mod paces;
pub(crate) mod packs;
pub(crate) mod pauses;
pub(crate) mod presence;
pub(crate) mod retention;
pub(crate) mod skills;
pub(crate) mod souls;
pub(crate) mod syncs;
pub(crate) mod tokens;
pub(crate) mod wakes;

/// Rows of a page, and how many there are in all.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    pub items: Vec<T>,
    pub total: i64,
}

/// A word in a column that its check constraint should have kept out.
fn unknown_word(column: &'static str, word: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unknown word `{word}`").into(),
    }
}
