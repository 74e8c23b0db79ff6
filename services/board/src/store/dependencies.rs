//! The edges between tasks of one board. Written only while the board is held, so that a check made before stays true.

use sqlx::PgConnection;
use uuid::Uuid;

/// Replaces what a task depends on.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    task_id: Uuid,
    depends_on: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query("delete from task_dependency where task_id = $1")
        .bind(task_id)
        .execute(&mut *conn)
        .await?;
    insert(conn, task_id, depends_on).await
}

/// Adds what a task depends on.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    task_id: Uuid,
    depends_on: &[Uuid],
) -> sqlx::Result<()> {
    if depends_on.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into task_dependency (task_id, depends_on_task_id, position)
         select $1, u.id, u.position from unnest($2::uuid[]) with ordinality as u (id, position)",
    )
    .bind(task_id)
    .bind(depends_on)
    .execute(conn)
    .await
    .map(drop)
}

/// Drops every edge from and to a task.
pub(crate) async fn delete(conn: &mut PgConnection, task_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from task_dependency where task_id = $1 or depends_on_task_id = $1")
        .bind(task_id)
        .execute(conn)
        .await
        .map(drop)
}

/// Whether new edges from a task would close a circle: one of the tasks that it is to depend on depends on it already,
/// directly or through others. Each step looks into the index (`offset 0` keeps the planner from joining whole tables): a
/// chain takes as many steps as it is long.
pub(crate) async fn reaches(
    conn: &mut PgConnection,
    task_id: Uuid,
    depends_on: &[Uuid],
) -> sqlx::Result<bool> {
    if depends_on.is_empty() {
        return Ok(false);
    }
    sqlx::query_scalar(
        "with recursive needed (id) as (
             select unnest($2::uuid[])
             union
             select next.id
               from needed
                    cross join lateral (
                        select depends_on_task_id as id from task_dependency where task_id = needed.id offset 0) next)
         select exists (select 1 from needed where id = $1)",
    )
    .bind(task_id)
    .bind(depends_on)
    .fetch_one(conn)
    .await
}
