//! Forgetting what is older than an organization wants.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

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
