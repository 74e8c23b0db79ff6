//! Finding what a request is about, and whether the caller may. What it may not see does not exist for it.

use chassis::Caller;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Copy, etag};
use crate::{
    board::Board,
    error::Error,
    group::{Group, MAX_BOARDS},
    store::{self, boards::Stamp},
    task::{Task, transition::Mover},
    visible::Visible,
};

/// A board that the caller may read, as far as rights and copies go.
pub(super) async fn stamp(
    conn: &mut PgConnection,
    caller: &Caller,
    board_id: Uuid,
) -> Result<Stamp, Error> {
    let stamp = store::boards::stamp(conn, board_id).await?;
    stamp
        .filter(|stamp| caller.sees(&stamp.scope))
        .ok_or(Error::BoardNotFound)
}

/// A board that the caller may read.
pub(super) async fn board(
    conn: &mut PgConnection,
    caller: &Caller,
    board_id: Uuid,
) -> Result<Board, Error> {
    let board = store::boards::find(conn, board_id).await?;
    board
        .filter(|board| caller.sees(&board.scope()))
        .ok_or(Error::BoardNotFound)
}

/// A group that the caller may read: of a board that it may read, or any for a reader of all boards.
pub(super) async fn group(
    conn: &mut PgConnection,
    caller: &Caller,
    group_id: Uuid,
) -> Result<Group, Error> {
    let visible = Visible::to(caller).ok_or(Error::GroupNotFound)?;
    let group = store::groups::find_visible(conn, group_id, &visible).await?;
    group.ok_or(Error::GroupNotFound)
}

/// Judges whether a caller that sees a group may write there: where it may write one of the boards, or all boards.
pub(super) async fn group_writer(
    conn: &mut PgConnection,
    caller: &Caller,
    group_id: Uuid,
) -> Result<(), Error> {
    let writable = Visible::for_writing(caller).ok_or(Error::GroupWriteRequired)?;
    let writable = store::groups::find_visible(conn, group_id, &writable).await?;
    if writable.is_some() {
        return Ok(());
    }
    // It may have gone since the caller saw it.
    group(conn, caller, group_id).await?;
    Err(Error::GroupWriteRequired)
}

/// A group that has room for one board more, and the boards that are in it.
pub(super) struct Room {
    pub(super) group: Group,
    pub(super) boards: Vec<(Uuid, String)>,
}

/// A group of the organization that a board is to join, held before the board is.
pub(super) async fn room(
    conn: &mut PgConnection,
    organization_id: Uuid,
    group_id: Uuid,
) -> Result<Room, Error> {
    let group = store::groups::lock(conn, group_id, organization_id)
        .await?
        .ok_or(Error::BoardGroupInvalid)?;
    let boards = store::boards::names_in_group(conn, group_id).await?;
    if i64::try_from(boards.len()).is_ok_and(|count| count < MAX_BOARDS) {
        Ok(Room { group, boards })
    } else {
        Err(Error::GroupFull)
    }
}

/// Judges whether the gateway of a board that is about to be written is still there. If so, the board is found there when it
/// goes.
pub(super) async fn gateway(conn: &mut PgConnection, board: &Board) -> Result<(), Error> {
    match board.governance.gateway_id {
        Some(id) if store::gone_gateways::is_gone(conn, id).await? => Err(Error::GatewayInvalid),
        Some(_) | None => Ok(()),
    }
}

/// Where a request says that a task is. A flat route leaves the board open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) board_id: Option<Uuid>,
    pub(super) task_id: Uuid,
}

impl Place {
    pub(super) fn decode(board_id: Option<&str>, task_id: &str) -> Result<Self, Error> {
        Ok(Self {
            board_id: chassis::decode::optional_id("board_id", board_id)?,
            task_id: chassis::decode::id("task_id", task_id)?,
        })
    }
}

/// A task that the caller may read, and its board. Where the request names a board, that is looked for first.
pub(super) async fn task(
    conn: &mut PgConnection,
    caller: &Caller,
    place: Place,
) -> Result<(Board, Task), Error> {
    if let Some(board_id) = place.board_id {
        let board = board(conn, caller, board_id).await?;
        let task = store::tasks::find(conn, place.task_id)
            .await?
            .filter(|task| task.board_id == board_id);
        return Ok((board, task.ok_or(Error::TaskNotFound)?));
    }
    let task = store::tasks::find(conn, place.task_id)
        .await?
        .ok_or(Error::TaskNotFound)?;
    match board(conn, caller, task.board_id).await {
        Ok(board) => Ok((board, task)),
        Err(Error::BoardNotFound) => Err(Error::TaskNotFound),
        Err(error) => Err(error),
    }
}

/// The tag of the copy that the caller has of something about a task, while it holds. One look-up.
pub(super) async fn held(
    conn: &mut PgConnection,
    caller: &Caller,
    place: Place,
    copy: &Copy,
) -> Result<Option<String>, Error> {
    if !copy.is_there() {
        return Ok(None);
    }
    let stamp = store::tasks::stamp(conn, place.task_id).await?;
    let seen = stamp.filter(|stamp| {
        caller.sees(&stamp.scope) && place.board_id.is_none_or(|id| id == stamp.scope.board_id)
    });
    Ok(seen
        .map(|stamp| etag(stamp.version))
        .filter(|etag| copy.holds(etag)))
}

/// In which role the caller acts on a board that it sees, when it may write there.
pub(super) fn writer(caller: &Caller, board: &Board) -> Result<Mover, Error> {
    if !caller.writes(&board.scope()) {
        return Err(Error::WriteRequired);
    }
    match caller {
        Caller::User(user) => Ok(Mover::User(user.id)),
        Caller::Agent(agent) if agent.board_id.is_none() => Err(Error::WriteRequired),
        Caller::Agent(agent) if agent.is_board_lead => Ok(Mover::Lead(agent.id)),
        Caller::Agent(agent) => Ok(Mover::Worker(agent.id)),
        Caller::Internal { .. } | Caller::Anonymous => Err(Error::WriteRequired),
    }
}
