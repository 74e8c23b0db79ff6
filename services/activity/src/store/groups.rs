//! What this service knows of groups, and where the log stood when it knew it.

use sqlx::PgConnection;
use uuid::Uuid;

/// A group as of a position of the log.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub(crate) head: i64,
    pub(crate) boards: Vec<Uuid>,
}

/// A group of an organization; `None` when there is no such group.
pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    group_id: Uuid,
) -> sqlx::Result<Option<Grouped>> {
    // One statement: the boards are those of this very position.
    let (head, exists, boards): (i64, bool, Vec<Uuid>) = sqlx::query_as(
        "select chain_head.sequence,
             exists (select 1 from group_state
                 where group_id = $1 and organization_id = $2 and deleted_at is null),
             array(select board_id from board_state
                 where board_group_id = $1 and organization_id = $2 and deleted_at is null)
         from chain_head",
    )
    .bind(group_id)
    .bind(organization_id)
    .fetch_one(conn)
    .await?;
    Ok((exists || !boards.is_empty()).then_some(Grouped { head, boards }))
}

/// The head of the log, and the group that a board was in there.
pub(crate) async fn of_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<(i64, Option<Uuid>)> {
    sqlx::query_as(
        "select chain_head.sequence, board_state.board_group_id
         from chain_head left join board_state on board_state.board_id = $1",
    )
    .bind(board_id)
    .fetch_one(conn)
    .await
}
