//! How long organizations keep their memory, and forgetting what is older.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An organization that does not keep its memory for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Keeping {
    pub(crate) organization_id: Uuid,
    pub(crate) days: i32,
}

/// Notes how many days an organization keeps its memory; none stands for ever.
pub(crate) async fn set(
    conn: &mut PgConnection,
    organization_id: Uuid,
    days: Option<i32>,
) -> sqlx::Result<()> {
    let query = match days {
        Some(days) => sqlx::query(
            "insert into memory_retention (organization_id, days) values ($1, $2)
             on conflict on constraint memory_retention_pkey do update set days = excluded.days",
        )
        .bind(organization_id)
        .bind(days),
        None => sqlx::query("delete from memory_retention where organization_id = $1")
            .bind(organization_id),
    };
    query.execute(conn).await.map(drop)
}

/// The next organizations that do not keep their memory for ever, by id.
pub(crate) async fn list(
    conn: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Keeping>> {
    sqlx::query_as(
        "select organization_id, days from memory_retention
          where $1::uuid is null or organization_id > $1
          order by organization_id
          limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Holds the boards of the oldest entries from before a moment, in one order, as every writer does. Their ids.
pub(crate) async fn lock_boards(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board
          where id in (select board_id from board_memory
                        where organization_id = $1 and created_at < $2
                        order by created_at limit $3)
          order by id
          for no key update",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Deletes the oldest entries of boards that are held, and moves the version of these boards. How many entries.
pub(crate) async fn delete_from_boards(
    conn: &mut PgConnection,
    boards: &[Uuid],
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "with gone as (
             delete from board_memory
              where id in (select id from board_memory
                            where board_id = any ($1) and created_at < $2
                            order by created_at limit $3)
             returning board_id),
         moved as (
             update board set version = version + 1 where id in (select board_id from gone))
         select count(*) from gone",
    )
    .bind(boards)
    .bind(before)
    .bind(limit)
    .fetch_one(conn)
    .await
}

/// Deletes the oldest entries in the memory of an organization's groups. How many.
pub(crate) async fn delete_from_groups(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from group_memory
          where id in (select id from group_memory
                        where organization_id = $1 and created_at < $2
                        order by created_at limit $3)",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
