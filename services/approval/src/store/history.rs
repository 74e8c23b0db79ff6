//! What became of approvals, in the order of their versions.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    history::{Author, Change, Entry},
};

/// Writes entries with one statement. Whoever writes one holds the row of its approval.
pub(crate) async fn insert(conn: &mut PgConnection, entries: &[Entry]) -> Result<()> {
    fn column<'a, T>(entries: &'a [Entry], of: impl Fn(&'a Entry) -> T) -> Vec<T> {
        entries.iter().map(of).collect()
    }
    sqlx::query(
        "insert into approval_history (id, approval_id, change, user_id, agent_id, actor_name, note, version, at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
             $8::bigint[], $9::timestamptz[])",
    )
    .bind(column(entries, |entry| entry.id))
    .bind(column(entries, |entry| entry.approval_id))
    .bind(column(entries, |entry| entry.change.as_str()))
    .bind(column(entries, |entry| entry.author.user_id))
    .bind(column(entries, |entry| entry.author.agent_id))
    .bind(column(entries, |entry| entry.author.name.as_str()))
    .bind(column(entries, |entry| entry.note.as_deref()))
    .bind(column(entries, |entry| entry.version))
    .bind(column(entries, |entry| entry.at))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    approval_id: Uuid,
    change: String,
    user_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    actor_name: String,
    note: Option<String>,
    version: i64,
    at: DateTime<Utc>,
}

impl Row {
    fn into_entry(self) -> sqlx::Result<Entry> {
        let change = Change::parse(&self.change).ok_or_else(|| sqlx::Error::ColumnDecode {
            index: "change".to_owned(),
            source: "unknown".into(),
        })?;
        Ok(Entry {
            id: self.id,
            approval_id: self.approval_id,
            change,
            author: Author {
                user_id: self.user_id,
                agent_id: self.agent_id,
                name: self.actor_name,
            },
            note: self.note,
            version: self.version,
            at: self.at,
        })
    }
}

/// Entries of an approval after a version, oldest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    approval_id: Uuid,
    after_version: i64,
    limit: i64,
    offset: i64,
) -> Result<Vec<Entry>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, approval_id, change, user_id, agent_id, actor_name, note, version, at
         from approval_history
         where approval_id = $1 and version > $2
         order by version
         limit $3 offset $4",
    )
    .bind(approval_id)
    .bind(after_version)
    .bind(limit)
    .bind(offset)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(Row::into_entry)
        .collect::<sqlx::Result<_>>()?)
}

/// How many entries an approval has.
pub(crate) async fn count(conn: &mut PgConnection, approval_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar("select count(*) from approval_history where approval_id = $1")
        .bind(approval_id)
        .fetch_one(conn)
        .await?;
    Ok(count)
}
