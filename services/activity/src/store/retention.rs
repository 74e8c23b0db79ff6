//! How long organizations keep what their events say, and taking it out.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Keeps how many days of content an organization wants; `None` stands for all.
pub(crate) async fn set_days(
    conn: &mut PgConnection,
    organization_id: Uuid,
    days: Option<i32>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into retention (organization_id, event_days) values ($1, $2)
         on conflict (organization_id) do update set event_days = excluded.event_days",
    )
    .bind(organization_id)
    .bind(days)
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers that an organization is gone.
pub(crate) async fn forget_organization(
    conn: &mut PgConnection,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into retention (organization_id, deleted_at) values ($1, $2)
         on conflict (organization_id) do update set deleted_at = excluded.deleted_at",
    )
    .bind(organization_id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the content out of up to `limit` rows that are due at a moment, and answers of how many. Of organizations that are
/// gone everything from before `gone_before` is due.
pub(crate) async fn redact(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    gone_before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<u64> {
    let redacted = sqlx::query(
        "with due as (
             select organization_id, greatest(
                 case when event_days is not null then $1 - make_interval(days => event_days) end,
                 case when deleted_at is not null then $2::timestamptz end
             ) as before
             from retention
             where event_days is not null or deleted_at is not null
         ), batch as (
             select old.sequence
             from due cross join lateral (
                 select sequence from event
                 where organization_id = due.organization_id and occurred_at < due.before and redacted_at is null
                 order by occurred_at
                 limit $3
                 for update skip locked
             ) as old
             limit $3
         )
         update event
         set salt = null, actor_name = null, message = null, payload = null, encoded = null, redacted_at = $1
         from batch where event.sequence = batch.sequence",
    )
    .bind(now)
    .bind(gone_before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(redacted.rows_affected())
}
