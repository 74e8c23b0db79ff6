//! The table `delivery`, as its owner uses it.

use chassis::context;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::row;
use crate::state::{Delivery, New};

/// Inserts what is not there yet and wakes the workers of its queues.
pub(crate) async fn insert(conn: &mut PgConnection, new: &[New]) -> sqlx::Result<()> {
    let context = context::current();
    sqlx::query(
        "with added as (
             insert into delivery (id, queue, target, payload, next_attempt_at, deadline_at, request_id, traceparent)
             select id, queue, target, payload, due_at, deadline_at, $7, $8
             from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[])
                  as n (id, queue, target, payload, due_at, deadline_at)
             on conflict on constraint delivery_pkey do nothing
             returning queue)
         select pg_notify('delivery_' || current_schema() || '_' || queue, '') from (select distinct queue from added) q",
    )
    .bind(new.iter().map(|new| new.id).collect::<Vec<_>>())
    .bind(new.iter().map(|new| new.queue).collect::<Vec<_>>())
    .bind(new.iter().map(|new| new.target.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|new| &new.payload).collect::<Vec<_>>())
    .bind(new.iter().map(|new| new.due_at).collect::<Vec<_>>())
    .bind(new.iter().map(|new| new.deadline_at).collect::<Vec<_>>())
    .bind(context.request_id)
    .bind(context.traceparent)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn list_by_ids(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "select d.* from unnest($1::uuid[]) with ordinality as wanted (id, position)
         join delivery d using (id) order by wanted.position",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    rows.iter().map(row::delivery).collect()
}

pub(crate) async fn redeliver(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
    deadline_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "with again as (
             update delivery
             set state = 'waiting', tries = 0, next_attempt_at = $2, deadline_at = $3, sent_at = null
             where id = any($1) and state <> 'sending'
             returning *)
         select again.*, pg_notify('delivery_' || current_schema() || '_' || queue, '') from again",
    )
    .bind(ids)
    .bind(now)
    .bind(deadline_at)
    .fetch_all(conn)
    .await?;
    rows.iter().map(row::delivery).collect()
}

pub(crate) async fn reassign(
    conn: &mut PgConnection,
    ids: &[Uuid],
    queue: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let moved = sqlx::query(
        "update delivery set queue = $2, next_attempt_at = $3 where id = any($1) and state in ('waiting', 'failed')",
    )
    .bind(ids)
    .bind(queue)
    .bind(now)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if moved > 0 {
        wake(conn, queue).await?;
    }
    Ok(moved)
}

pub(crate) async fn release(
    conn: &mut PgConnection,
    queue: &str,
    target: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let released = sqlx::query(
        "update delivery set next_attempt_at = $3
         where queue = $1 and target = $2 and state in ('waiting', 'failed') and next_attempt_at > $3",
    )
    .bind(queue)
    .bind(target)
    .bind(now)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if released > 0 {
        wake(conn, queue).await?;
    }
    Ok(released)
}

pub(crate) async fn wake(conn: &mut PgConnection, queue: &str) -> sqlx::Result<()> {
    sqlx::query("select pg_notify('delivery_' || current_schema() || '_' || $1, '')")
        .bind(queue)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn discard(
    conn: &mut PgConnection,
    queue: &str,
    target: &str,
) -> sqlx::Result<u64> {
    let done = sqlx::query("delete from delivery where queue = $1 and target = $2")
        .bind(queue)
        .bind(target)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn discard_unheld(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from delivery
         where id in (select id from delivery where id = any($1) for update skip locked)",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn discard_all(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<u64> {
    // Of two who discard the same, one waits for the other, in one order.
    let done = sqlx::query(
        "delete from delivery
         where id in (select id from delivery where id = any($1) order by id for update)",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
