//! Boards by the gateway that they live on.

use sqlx::PgConnection;
use uuid::Uuid;

use super::columns;
use crate::board::Board;

/// Boards of an organization on a gateway, newest first, and how many there are.
pub(crate) async fn list_on_gateway(
    conn: &mut PgConnection,
    organization_id: Uuid,
    gateway_id: Uuid,
    limit: i64,
) -> sqlx::Result<(Vec<Board>, i64)> {
    let boards = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board
          where organization_id = $1 and gateway_id = $2
          order by created_at desc, id desc
          limit $3"
    ))
    .bind(organization_id)
    .bind(gateway_id)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar(
        "select count(*) from board where organization_id = $1 and gateway_id = $2",
    )
    .bind(organization_id)
    .bind(gateway_id)
    .fetch_one(conn)
    .await?;
    Ok((boards, total))
}

/// The next boards on a gateway, held until the transaction ends, in the order in which everybody holds several.
pub(crate) async fn lock_on_gateway(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Board>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board where gateway_id = $1 order by id limit $2 for no key update"
    ))
    .bind(gateway_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Takes boards that are held from their gateway.
pub(crate) async fn clear_gateway(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: chrono::DateTime<chrono::Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update board set gateway_id = null, updated_at = $2, version = version + 1 where id = any ($1)",
    )
    .bind(ids)
    .bind(now)
    .execute(conn)
    .await
    .map(drop)
}
