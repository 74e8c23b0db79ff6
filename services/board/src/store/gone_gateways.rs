//! Gateways that were deleted: no board comes to live on one late. Locks last until the transaction ends.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// After this time nobody is left who judged the gateway while it was there.
const LATE: TimeDelta = TimeDelta::days(1);

/// Remembers that a gateway is gone. Whoever puts a board on it at this moment is waited for.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('board.gateway/' || $1::text, 0))")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "with forgotten as (delete from gone_gateway where gone_at < $3)
         insert into gone_gateway (id, gone_at) values ($1, $2)
         on conflict on constraint gone_gateway_pkey do nothing",
    )
    .bind(id)
    .bind(at)
    .bind(at - LATE)
    .execute(conn)
    .await
    .map(drop)
}

/// Whether a gateway is gone. If not, it is remembered as gone only after the present transaction.
pub(crate) async fn is_gone(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    sqlx::query(
        "select pg_advisory_xact_lock_shared(hashtextextended('board.gateway/' || $1::text, 0))",
    )
    .bind(id)
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar("select exists (select from gone_gateway where id = $1)")
        .bind(id)
        .fetch_one(conn)
        .await
}
