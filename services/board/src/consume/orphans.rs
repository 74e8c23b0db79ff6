//! Tasks whose agent is gone from their board.

use bus::outbox;
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    events::{ASSIGNEE_DELETED, ASSIGNEE_MOVED, Scene},
    store,
    task::cascade,
};

/// Takes an agent's tasks from it, on the board that it left or on every one, one board at a time, and tells of each. A board
/// has a transaction of its own, as everywhere here: one that the handler's transaction held could not be held by what is
/// done for the next event.
pub(super) async fn release(
    pool: &PgPool,
    agent_id: Uuid,
    left_board_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (boards, cause) = match left_board_id {
        Some(board_id) => (vec![board_id], ASSIGNEE_MOVED),
        None => {
            let mut conn = pool.acquire().await?;
            let boards = store::tasks::boards_of_assignee(&mut conn, agent_id).await?;
            (boards, ASSIGNEE_DELETED)
        }
    };
    for board_id in boards {
        let mut tx = pool.begin().await?;
        let Some(board) = store::boards::lock(&mut tx, board_id).await? else {
            continue;
        };
        let tasks = store::tasks::list_of_assignee(&mut tx, board_id, agent_id).await?;
        let changes = cascade::orphaned(tasks, now);
        if changes.is_empty() {
            continue;
        }
        let after: Vec<_> = changes.iter().map(|change| &change.after).collect();
        store::tasks::save(&mut tx, &after).await?;
        let scene = Scene {
            actor: chassis::caller::system_actor(),
            agent_id: None,
            board: &board,
            now,
        };
        outbox::append_all(&mut tx, scene.cascaded(&changes, Some(cause))).await?;
        store::boards::touch(&mut tx, board_id).await?;
        tx.commit().await?;
    }
    Ok(())
}
