//! Several boards of an organization, held at once: in the order of their ids, so that nobody waits in a circle.

use sqlx::PgConnection;
use uuid::Uuid;

/// Holds those of the boards that the organization has, until the transaction ends.
pub(crate) async fn hold(
    conn: &mut PgConnection,
    organization_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board
          where organization_id = $1 and id = any ($2)
          order by id
            for no key update",
    )
    .bind(organization_id)
    .bind(ids)
    .fetch_all(conn)
    .await
}

/// Moves the versions of boards that are held: something on them changed.
pub(crate) async fn touch(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("update board set version = version + 1 where id = any ($1)")
        .bind(ids)
        .execute(conn)
        .await
        .map(drop)
}
