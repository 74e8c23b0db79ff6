//! Pausing and resuming the agents of a board.

use bus::outbox;
use chassis::{Caller, decode};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Desk, access, scene};
use crate::{
    author::Author,
    board::{Board, Pause},
    error::Error,
    store,
};

/// Pauses or resumes a board for a caller who asks for that alone.
pub(super) async fn ask(
    desk: &Desk,
    caller: &Caller,
    board_id: &str,
    paused: bool,
) -> Result<Board, Error> {
    let id = decode::id("board_id", board_id)?;
    let seen = access::board(&mut *desk.pool.acquire().await?, caller, id).await?;
    if !is_open_to(caller, seen.id) {
        return Err(Error::PauseRequiresAdmin);
    }
    let mut tx = desk.pool.begin().await?;
    let board = set(&mut tx, caller, id, paused, desk.clock.now()).await?;
    tx.commit().await?;
    Ok(board)
}

/// Whether somebody may pause and resume a board that it sees: those who administer the organization, and the board's lead.
pub(crate) fn is_open_to(caller: &Caller, board_id: Uuid) -> bool {
    match caller {
        Caller::User(_) => caller.is_admin(),
        Caller::Agent(agent) => agent.is_board_lead && agent.board_id == Some(board_id),
        Caller::Internal { .. } | Caller::Anonymous => false,
    }
}

/// Pauses or resumes a board within a transaction, and tells of it when that changes anything. The board as it is then.
pub(crate) async fn set(
    tx: &mut PgConnection,
    caller: &Caller,
    board_id: Uuid,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<Board, Error> {
    let mut board = store::boards::lock(tx, board_id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let pause = if paused {
        let by = Author::of(caller).ok_or(Error::PauseRequiresAdmin)?;
        Some(Pause { at: now, by })
    } else {
        None
    };
    if store::boards::set_paused(tx, board_id, pause.as_ref(), now).await? {
        board.pause = pause;
        board.updated_at = now;
        board.version += 1;
        outbox::append(tx, scene(caller, &board, now).board_paused()).await?;
    }
    Ok(board)
}
