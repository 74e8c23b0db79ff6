//! What this service knows of boards.

use chassis::BoardScope;
use sqlx::PgConnection;
use uuid::Uuid;

/// What rights on a board hang on.
pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<BoardScope>> {
    let found: Option<(Uuid, Option<Uuid>)> =
        sqlx::query_as("select organization_id, gateway_id from board_state where board_id = $1")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(found.map(|(organization_id, gateway_id)| BoardScope {
        organization_id,
        board_id: id,
        gateway_id,
    }))
}

/// The boards of a group.
pub(crate) async fn of_group(
    conn: &mut PgConnection,
    organization_id: Uuid,
    group_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select board_id from board_state where organization_id = $1 and board_group_id = $2",
    )
    .bind(organization_id)
    .bind(group_id)
    .fetch_all(conn)
    .await
}
