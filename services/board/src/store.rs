//! The tables of this service.

pub(crate) mod boards;
pub(crate) mod comments;
pub(crate) mod custom_fields;
pub(crate) mod dependencies;
pub(crate) mod erase;
pub(crate) mod forget;
pub(crate) mod gone_gateways;
pub(crate) mod groups;
pub(crate) mod held;
pub(crate) mod memory;
pub(crate) mod snapshots;
pub(crate) mod tags;
pub(crate) mod tasks;

use sqlx::PgConnection;
use uuid::Uuid;

/// A word that only this service writes and a check constraint guards.
fn stored_word<T>(column: &str, word: &str, parse: fn(&str) -> Option<T>) -> sqlx::Result<T> {
    parse(word).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unknown word {word:?}").into(),
    })
}

/// Lets transactions that would add to a collection of an organization take turns.
async fn queue(conn: &mut PgConnection, name: &str, organization_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1 || $2::text, 0))")
        .bind(name)
        .bind(organization_id)
        .execute(conn)
        .await
        .map(drop)
}
