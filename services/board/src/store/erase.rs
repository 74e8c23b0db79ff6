//! Deleting everything of an organization, so many rows at a time.

use sqlx::PgConnection;
use uuid::Uuid;

/// What an organization has besides boards, each with the statement that deletes some of it.
pub(crate) const REST: [&str; 4] = [
    "delete from group_memory
      where id in (select id from group_memory where organization_id = $1 limit $2)",
    "delete from board_group
      where id in (select id from board_group where organization_id = $1 limit $2)",
    "delete from tag where id in (select id from tag where organization_id = $1 limit $2)",
    "delete from custom_field
      where id in (select id from custom_field where organization_id = $1 limit $2)",
];

/// What fills a board, each with the statement that deletes some of it. The rest goes with the board.
const FILLING: [&str; 2] = [
    "delete from task where id in (select id from task where board_id = any ($1) limit $2)",
    "delete from board_memory where id in (select id from board_memory where board_id = any ($1) limit $2)",
];

/// Some boards of an organization, held against everybody.
pub(crate) async fn lock_boards(
    conn: &mut PgConnection,
    organization_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board where organization_id = $1 order by id limit $2 for update",
    )
    .bind(organization_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Deletes some of what fills boards that are held. Whether there was any.
pub(crate) async fn some_on_boards(
    conn: &mut PgConnection,
    boards: &[Uuid],
    limit: i64,
) -> sqlx::Result<bool> {
    let mut gone = 0;
    for statement in FILLING {
        let done = sqlx::query(statement).bind(boards).bind(limit);
        gone += done.execute(&mut *conn).await?.rows_affected();
    }
    Ok(gone > 0)
}

/// Deletes boards that are held, and what is left on them.
pub(crate) async fn boards(conn: &mut PgConnection, boards: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("delete from board where id = any ($1)")
        .bind(boards)
        .execute(conn)
        .await
        .map(drop)
}

/// Deletes some of the rest, by its statement. Whether there was any.
pub(crate) async fn some(
    conn: &mut PgConnection,
    statement: &'static str,
    organization_id: Uuid,
    limit: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(statement).bind(organization_id).bind(limit);
    Ok(done.execute(conn).await?.rows_affected() > 0)
}
