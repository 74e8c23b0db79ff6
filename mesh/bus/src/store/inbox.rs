//! The table `inbox`.

use std::collections::HashSet;

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Notes that a group is taking these events and returns those that it had not taken before. Waits for a transaction that
/// is taking one of them at this moment.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    group: &str,
    event_ids: &[Uuid],
) -> sqlx::Result<HashSet<Uuid>> {
    let fresh: Vec<Uuid> = sqlx::query_scalar(
        "insert into inbox (consumer_group, event_id)
         select $1, event_id from unnest($2::uuid[]) as e (event_id)
         on conflict on constraint inbox_pkey do nothing
         returning event_id",
    )
    .bind(group)
    .bind(event_ids)
    .fetch_all(conn)
    .await?;
    Ok(fresh.into_iter().collect())
}

/// Forgets some of what was taken longer ago than any redelivery can come; the number forgotten.
pub(crate) async fn prune(db: impl PgExecutor<'_>, days: i32, limit: i64) -> sqlx::Result<u64> {
    let result = sqlx::query(
        "delete from inbox where ctid = any(array(
             select ctid from inbox where at < now() - make_interval(days => $1) order by at limit $2))",
    )
    .bind(days)
    .bind(limit)
    .execute(db)
    .await?;
    Ok(result.rows_affected())
}
