//! Which tasks wait for which approval.

use chassis::db;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::{Conflict, Link},
    error::Result,
};

/// Judges that a task has at most one pending approval.
const PENDING_KEY: &str = "approval_task_pending_key";

/// Links a pending approval to its tasks and answers how many links were made: a task with another pending approval gets
/// none. Rows go in by task id, so that requests about the same tasks wait for each other in one direction only.
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

/// Frees the tasks of approvals for the next request.
pub(crate) async fn settle(conn: &mut PgConnection, approval_ids: &[Uuid]) -> Result<()> {
    sqlx::query("update approval_task set pending = false where approval_id = any($1) and pending")
        .bind(approval_ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets the tasks of an approval wait for it again. `false` when one of them waits for another: the transaction is then
/// of no more use.
pub(crate) async fn reopen(conn: &mut PgConnection, approval_id: Uuid) -> Result<bool> {
    let done = sqlx::query(
        "update approval_task set pending = true where approval_id = $1 and not pending",
    )
    .bind(approval_id)
    .execute(conn)
    .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if db::constraint(&error) == Some(PENDING_KEY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Which of the tasks wait for another approval, by task id, and whether its time is over.
pub(crate) async fn list_conflicts(
    conn: &mut PgConnection,
    approval_id: Uuid,
    links: &[Link],
    now: DateTime<Utc>,
) -> Result<Vec<(Conflict, bool)>> {
    let task_ids: Vec<Uuid> = links.iter().map(|link| link.task_id).collect();
    let rows: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(
        "select l.task_id, l.approval_id, coalesce(a.expires_at <= $3, false)
         from approval_task l join approval a on a.id = l.approval_id
         where l.task_id = any($1) and l.pending and l.approval_id <> $2
         order by l.task_id",
    )
    .bind(task_ids)
    .bind(approval_id)
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(task_id, approval_id, is_due)| {
            let conflict = Conflict {
                task_id,
                approval_id,
            };
            (conflict, is_due)
        })
        .collect())
}

/// Takes a task out of every approval; which they were.
pub(crate) async fn delete(conn: &mut PgConnection, task_id: Uuid) -> Result<Vec<Uuid>> {
    let approval_ids =
        sqlx::query_scalar("delete from approval_task where task_id = $1 returning approval_id")
            .bind(task_id)
            .fetch_all(conn)
            .await?;
    Ok(approval_ids)
}
