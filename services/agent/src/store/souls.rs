//! Souls that agents were given.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::Rows;
use crate::{agent::Agent, soul::Revision};

/// Souls of one agent that are kept.
const KEPT: i64 = 200;

impl FromRow<'_, PgRow> for Revision {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            agent_id: row.try_get("agent_id")?,
            content: row.try_get("content")?,
            content_sha256: row.try_get("content_sha256")?,
            source_url: row.try_get("source_url")?,
            reason: row.try_get("reason")?,
            author_name: row.try_get("author_name")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Keeps a soul, and forgets the oldest when there are too many.
pub(crate) async fn insert(conn: &mut PgConnection, revision: &Revision) -> sqlx::Result<()> {
    sqlx::query(
        "with forgotten as (
             delete from soul_revision
             where id in (
                 select id from soul_revision where agent_id = $2 order by created_at desc, id desc offset $9 - 1
             )
         )
         insert into soul_revision (
             id, agent_id, content, content_sha256, source_url, reason, author_name, created_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(revision.id)
    .bind(revision.agent_id)
    .bind(&revision.content)
    .bind(&revision.content_sha256)
    .bind(&revision.source_url)
    .bind(&revision.reason)
    .bind(&revision.author_name)
    .bind(revision.created_at)
    .bind(KEPT)
    .execute(conn)
    .await?;
    Ok(())
}

/// The last soul that an agent was given.
pub(crate) async fn find_newest(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Option<Revision>> {
    sqlx::query_as(
        "select * from soul_revision where agent_id = $1 order by created_at desc, id desc limit 1",
    )
    .bind(agent_id)
    .fetch_optional(conn)
    .await
}

/// Souls of one agent, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    agent_id: Uuid,
    page: &Page,
) -> sqlx::Result<Rows<Revision>> {
    let items = sqlx::query_as(
        "select * from soul_revision
         where agent_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3))
         order by created_at desc, id desc
         limit $4 offset $5",
    )
    .bind(agent_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar("select count(*) from soul_revision where agent_id = $1")
        .bind(agent_id)
        .fetch_one(conn)
        .await?;
    Ok(Rows { items, total })
}

/// Gives an agent another soul; answers it as it is now. Whoever calls has locked it.
pub(crate) async fn give(
    conn: &mut PgConnection,
    agent_id: Uuid,
    content: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<Agent> {
    sqlx::query_as("update agent set soul_template = $2, updated_at = $3 where id = $1 returning *")
        .bind(agent_id)
        .bind(content)
        .bind(at)
        .fetch_one(conn)
        .await
}

/// Gives an agent that has no soul one; `None` when it has one by now, or goes.
pub(crate) async fn give_first(
    conn: &mut PgConnection,
    agent_id: Uuid,
    content: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as(
        "update agent set soul_template = $2, updated_at = $3
         where id = $1 and soul_template is null and leaving_at is null
         returning *",
    )
    .bind(agent_id)
    .bind(content)
    .bind(at)
    .fetch_optional(conn)
    .await
}
