//! What snapshots read. Each statement is about all boards of a snapshot at once.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, PgPool, Postgres, Row as _, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::stored_word;
use crate::{
    snapshot::{Counts, Summary},
    tag::Badge,
    task::{Priority, Status},
};

macro_rules! foremost_first {
    () => {
        "array_position(array['in_progress', 'review', 'inbox', 'done'], status), \
         array_position(array['urgent', 'high', 'medium', 'low'], priority), \
         updated_at desc, created_at desc, id desc"
    };
}

impl FromRow<'_, PgRow> for Summary {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            board_id: row.try_get("board_id")?,
            title: row.try_get("title")?,
            status: stored_word("status", row.try_get("status")?, Status::parse)?,
            priority: stored_word("priority", row.try_get("priority")?, Priority::parse)?,
            due_at: row.try_get("due_at")?,
            assigned_agent_id: row.try_get("assigned_agent_id")?,
            in_progress_at: row.try_get("in_progress_at")?,
            tag_ids: row.try_get("tag_ids")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// A transaction whose statements all see one moment.
pub(crate) async fn moment(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with("begin transaction isolation level repeatable read read only")
        .await
}

/// The tasks that a snapshot of a board holds: the newest of those that are not done, and of those that are.
pub(crate) async fn card_ids(
    conn: &mut PgConnection,
    board_id: Uuid,
    open: i64,
    done: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "(select t.id
            from (values ('inbox'), ('in_progress'), ('review')) s (status)
                 cross join lateral (
                     select id, created_at from task
                      where board_id = $1 and status = s.status and deleted_at is null
                      order by created_at desc, id desc
                      limit $2) t
           order by t.created_at desc, t.id desc
           limit $2)
         union all
         (select id from task
           where board_id = $1 and status = 'done' and deleted_at is null
           order by created_at desc, id desc
           limit $3)",
    )
    .bind(board_id)
    .bind(open)
    .bind(done)
    .fetch_all(conn)
    .await
}

/// How many tasks there are on each of some boards, by status.
pub(crate) async fn counts(
    conn: &mut PgConnection,
    boards: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Counts>> {
    let rows: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "select board_id, status, count(*)::int4
           from task
          where board_id = any ($1) and deleted_at is null
          group by board_id, status",
    )
    .bind(boards)
    .fetch_all(conn)
    .await?;
    let mut counts: HashMap<Uuid, Counts> = HashMap::new();
    for (board_id, word, count) in rows {
        let status = stored_word("status", &word, Status::parse)?;
        counts.entry(board_id).or_default().insert(status, count);
    }
    Ok(counts)
}

/// The foremost tasks of each of some boards: in progress, then review, inbox, done; the urgent before the others; then
/// what changed last.
pub(crate) async fn foremost(
    conn: &mut PgConnection,
    boards: &[Uuid],
    with_done: bool,
    limit: i64,
) -> sqlx::Result<Vec<Summary>> {
    sqlx::query_as(concat!(
        "select t.*
           from unnest($1::uuid[]) b (id)
                cross join lateral (
                    select id, board_id, title, status, priority, due_at, assigned_agent_id, in_progress_at, tag_ids,
                           created_at, updated_at
                      from task
                     where board_id = b.id and deleted_at is null and ($2 or status <> 'done')
                     order by ",
        foremost_first!(),
        "
                     limit $3) t
          order by board_id, ",
        foremost_first!()
    ))
    .bind(boards)
    .bind(with_done)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Tags by their ids.
pub(crate) async fn badges(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Badge>> {
    let rows: Vec<(Uuid, String, String, String)> =
        sqlx::query_as("select id, name, slug, color from tag where id = any ($1)")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    let badge = |(id, name, slug, color)| {
        let badge = Badge {
            id,
            name,
            slug,
            color,
        };
        (id, badge)
    };
    Ok(rows.into_iter().map(badge).collect())
}
