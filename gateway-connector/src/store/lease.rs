//! Which replica holds which gateway. Times are the database's own: it is the one clock that all replicas share.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

/// A replica.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub instance_id: Uuid,
    /// Where it takes requests; empty when others cannot reach it.
    pub address: String,
}

/// A lease that somebody else has.
#[derive(sqlx::FromRow)]
pub(crate) struct Other {
    pub address: String,
    /// Seconds until it expires.
    pub left: f64,
}

/// Takes a lease that nobody else has; its number, or `None`.
pub(crate) async fn acquire(
    pool: &PgPool,
    gateway_id: &str,
    holder: &Holder,
    ttl: Duration,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "insert into lease (gateway_id, instance_id, address, fence, expires_at) \
         values ($1, $2, $3, 1, now() + $4 * interval '1 second') \
         on conflict on constraint lease_pkey do update set instance_id = excluded.instance_id, \
         address = excluded.address, fence = lease.fence + 1, expires_at = excluded.expires_at \
         where lease.expires_at <= now() or lease.instance_id = excluded.instance_id \
         returning fence",
    )
    .bind(gateway_id)
    .bind(holder.instance_id)
    .bind(&holder.address)
    .bind(ttl.as_secs_f64())
    .fetch_optional(pool)
    .await
}

/// The lease that somebody has on a gateway.
pub(crate) async fn find(pool: &PgPool, gateway_id: &str) -> sqlx::Result<Option<Other>> {
    sqlx::query_as(
        "select address, extract(epoch from expires_at - now())::float8 as \"left\" from lease \
         where gateway_id = $1 and expires_at > now()",
    )
    .bind(gateway_id)
    .fetch_optional(pool)
    .await
}

/// Prolongs every lease of these that the replica still has, and answers which.
pub(crate) async fn renew(
    pool: &PgPool,
    gateway_ids: &[String],
    instance_id: Uuid,
    ttl: Duration,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "update lease set expires_at = now() + $3 * interval '1 second' \
         where gateway_id = any($1) and instance_id = $2 returning gateway_id",
    )
    .bind(gateway_ids)
    .bind(instance_id)
    .bind(ttl.as_secs_f64())
    .fetch_all(pool)
    .await
}

/// Gives a lease back. Its number says which: by now it may have been taken anew.
pub(crate) async fn release(
    pool: &PgPool,
    gateway_id: &str,
    instance_id: Uuid,
    fence: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "update lease set expires_at = now() \
         where gateway_id = $1 and instance_id = $2 and fence = $3 and expires_at > now()",
    )
    .bind(gateway_id)
    .bind(instance_id)
    .bind(fence)
    .execute(pool)
    .await?;
    Ok(())
}

/// Ends what an earlier process at this address has left behind; with `all`, what any has. Rows of gateways that nobody has
/// asked for in a month go.
pub(crate) async fn inherit(pool: &PgPool, address: &str, all: bool) -> sqlx::Result<u64> {
    sqlx::query("delete from lease where expires_at < now() - interval '30 days'")
        .execute(pool)
        .await?;
    let ended = sqlx::query(
        "update lease set expires_at = now() where expires_at > now() and ($2 or (address = $1 and $1 <> ''))",
    )
    .bind(address)
    .bind(all)
    .execute(pool)
    .await?;
    Ok(ended.rows_affected())
}
