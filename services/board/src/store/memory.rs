//! Entries as rows: those of boards and those of groups are alike.

pub(crate) mod boards;
pub(crate) mod groups;
pub(crate) mod retention;

use sqlx::{FromRow, Row as _, postgres::PgRow};

use super::stored_word;
use crate::{
    author::{Author, Kind},
    memory::Entry,
};

pub(crate) use boards::newest_chat;

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let author = Author {
            kind: stored_word("author_kind", row.try_get("author_kind")?, Kind::parse)?,
            id: row.try_get("author_id")?,
            name: row.try_get("author_name")?,
        };
        Ok(Self {
            id: row.try_get("id")?,
            content: row.try_get("content")?,
            tags: row.try_get("tags")?,
            source: row.try_get("source")?,
            author,
            mentions: row.try_get("mentioned_agent_ids")?,
            created_at: row.try_get("created_at")?,
        })
    }
}
