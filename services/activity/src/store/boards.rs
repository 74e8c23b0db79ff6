//! What this service knows of boards.

use chassis::BoardScope;
use sqlx::PgConnection;
use uuid::Uuid;

/// A board that is, or was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// What rights on it hang on.
    pub(crate) scope: BoardScope,
    pub(crate) deleted: bool,
}

/// What is known of a board.
pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Known>> {
    let found: Option<(Uuid, Option<Uuid>, bool)> = sqlx::query_as(
        "select organization_id, gateway_id, deleted_at is not null from board_state where board_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|(organization_id, gateway_id, deleted)| Known {
        scope: BoardScope {
            organization_id,
            board_id: id,
            gateway_id,
        },
        deleted,
    }))
}

/// The boards of a group.
pub(crate) async fn of_group(
    conn: &mut PgConnection,
    organization_id: Uuid,
    group_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select board_id from board_state
         where organization_id = $1 and board_group_id = $2 and deleted_at is null",
    )
    .bind(organization_id)
    .bind(group_id)
    .fetch_all(conn)
    .await
}
