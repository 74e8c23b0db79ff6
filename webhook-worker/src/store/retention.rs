//! The table `webhook_retention`, and forgetting what is older than an organization wants.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An organization that does not keep what was delivered for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Keeping {
    pub organization_id: Uuid,
    pub days: i32,
}

/// Notes how many days an organization keeps what was delivered; `None` stands for ever.
pub(crate) async fn set(
    conn: &mut PgConnection,
    organization_id: Uuid,
    days: Option<i32>,
) -> sqlx::Result<()> {
    let query = match days {
        Some(days) => sqlx::query(
            "insert into webhook_retention (organization_id, days) values ($1, $2)
             on conflict (organization_id) do update set days = excluded.days",
        )
        .bind(organization_id)
        .bind(days),
        None => sqlx::query("delete from webhook_retention where organization_id = $1")
            .bind(organization_id),
    };
    query.execute(conn).await?;
    Ok(())
}

/// Up to `limit` organizations that do not keep what was delivered for ever, after one of them, by id.
pub(crate) async fn list(
    conn: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Keeping>> {
    sqlx::query_as(
        "select organization_id, days from webhook_retention
         where $1::uuid is null or organization_id > $1
         order by organization_id
         limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Deletes up to `limit` deliveries of an organization from before a moment, with their attempts: those that were delivered or
/// given up. The number of them.
pub(crate) async fn delete_settled(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from delivery
         where id in (
             select d.id
             from webhook_endpoint e
             join webhook_delivery w on w.webhook_endpoint_id = e.id
             join delivery d on d.id = w.id
             where e.organization_id = $1 and w.state in ('delivered', 'dead') and w.created_at < $2
               and d.state in ('sent', 'dead')
             limit $3
             for update of d skip locked)",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
