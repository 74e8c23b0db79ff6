//! Comments as rows.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::comment::{Author, Comment};

impl FromRow<'_, PgRow> for Comment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let author = match row.try_get::<Option<Uuid>, _>("agent_id")? {
            Some(id) => Author::Agent(id),
            None => Author::User(row.try_get("user_id")?),
        };
        Ok(Self {
            id: row.try_get("id")?,
            task_id: row.try_get("task_id")?,
            cycle: row.try_get("cycle")?,
            author,
            author_name: row.try_get("author_name")?,
            message: row.try_get("message")?,
            mentions: row.try_get("mentioned_agent_ids")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

pub(crate) async fn insert(conn: &mut PgConnection, comment: &Comment) -> sqlx::Result<()> {
    let (user_id, agent_id) = match comment.author {
        Author::User(id) => (id, None),
        Author::Agent(id) => (None, Some(id)),
    };
    sqlx::query(
        "insert into task_comment (
             id, task_id, cycle, user_id, agent_id, author_name, message, mentioned_agent_ids, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(comment.id)
    .bind(comment.task_id)
    .bind(comment.cycle)
    .bind(user_id)
    .bind(agent_id)
    .bind(&comment.author_name)
    .bind(&comment.message)
    .bind(&comment.mentions)
    .bind(comment.created_at)
    .execute(conn)
    .await
    .map(drop)
}

/// A page of the conversation, oldest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    task_id: Uuid,
    page: &Page,
) -> sqlx::Result<Vec<Comment>> {
    sqlx::query_as(
        "select id, task_id, cycle, user_id, agent_id, author_name, message, mentioned_agent_ids, created_at
           from task_comment
          where task_id = $1 and ($2::timestamptz is null or (created_at, id) > ($2, $3::uuid))
          order by created_at, id
          limit $4 offset $5",
    )
    .bind(task_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

pub(crate) async fn count(conn: &mut PgConnection, task_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from task_comment where task_id = $1")
        .bind(task_id)
        .fetch_one(conn)
        .await
}

/// Whether one of these people or agents commented in a cycle of a task.
pub(crate) async fn exists_by(
    conn: &mut PgConnection,
    task_id: Uuid,
    cycle: i32,
    authors: &[Uuid],
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (
             select 1 from task_comment
              where task_id = $1 and cycle = $2 and (agent_id = any ($3) or user_id = any ($3)))",
    )
    .bind(task_id)
    .bind(cycle)
    .bind(authors)
    .fetch_one(conn)
    .await
}

/// Whether an agent was ever mentioned on a task.
pub(crate) async fn exists_mentioning(
    conn: &mut PgConnection,
    task_id: Uuid,
    agent_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from task_comment where task_id = $1 and $2 = any (mentioned_agent_ids))",
    )
    .bind(task_id)
    .bind(agent_id)
    .fetch_one(conn)
    .await
}
