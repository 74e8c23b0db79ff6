//! Which tasks wait for which approval.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::{Conflict, Link},
    error::Result,
};

/// Links a pending approval to its tasks and answers how many links were made: a task with another pending approval gets
/// none. Waits for whoever is asking about the same task at this moment. Rows go in by task id, so that two
/// requests about the same tasks wait for each other in one direction only.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    approval_id: Uuid,
    links: &[Link],
) -> Result<usize> {
    let task_ids: Vec<Uuid> = links.iter().map(|link| link.task_id).collect();
    let cycles: Vec<i32> = links.iter().map(|link| link.cycle).collect();
    let titles: Vec<&str> = links.iter().map(|link| link.title.as_str()).collect();
    let done = sqlx::query(
        "insert into approval_task (approval_id, task_id, position, cycle, title, pending)
         select $1, task_id, position - 1, cycle, title, true
         from unnest($2::uuid[], $3::int[], $4::text[]) with ordinality as link (task_id, cycle, title, position)
         order by task_id
         on conflict (task_id) where pending do nothing",
    )
    .bind(approval_id)
    .bind(task_ids)
    .bind(cycles)
    .bind(titles)
    .execute(conn)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// Frees the tasks of an approval for the next request.
pub(crate) async fn settle(conn: &mut PgConnection, approval_id: Uuid) -> Result<()> {
    sqlx::query("update approval_task set pending = false where approval_id = $1 and pending")
        .bind(approval_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Which of the tasks wait for another approval, by task id.
pub(crate) async fn list_conflicts(
    conn: &mut PgConnection,
    approval_id: Uuid,
    links: &[Link],
) -> Result<Vec<Conflict>> {
    let task_ids: Vec<Uuid> = links.iter().map(|link| link.task_id).collect();
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select task_id, approval_id from approval_task
         where task_id = any($1) and pending and approval_id <> $2
         order by task_id",
    )
    .bind(task_ids)
    .bind(approval_id)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(task_id, approval_id)| Conflict {
            task_id,
            approval_id,
        })
        .collect())
}
