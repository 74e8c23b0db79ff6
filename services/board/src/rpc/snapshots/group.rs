//! A group, as much of it as its reader may see: one builder for both ways of asking.

use std::collections::{HashMap, HashSet};

use chassis::{Caller, decode};
use proto::board::v1::{
    GetBoardGroupSnapshotRequest, GetBoardGroupSnapshotResponse, GetGroupSnapshotRequest,
    GetGroupSnapshotResponse, GroupBoard,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Desk, access};
use crate::{
    error::Error,
    group::Group,
    roster::Roster,
    snapshot::{BoardView, GroupView, Summary},
    store::{self, snapshots::moment},
    visible::Visible,
    wire,
};

/// Most tasks of one board.
const MAX_TASKS: i32 = 100;
/// Tasks of one board unless the reader says otherwise.
const TASKS: i32 = 5;

/// What of a group its reader wants to see.
struct Scope {
    visible: Visible,
    /// Leaves this board out.
    without: Option<Uuid>,
    with_done: bool,
    tasks: i32,
}

pub(super) async fn read(
    desk: &Desk,
    caller: &Caller,
    request: &GetGroupSnapshotRequest,
) -> Result<GetGroupSnapshotResponse, Error> {
    let id = decode::id("group_id", &request.group_id)?;
    let mut tx = moment(&desk.pool).await?;
    let group = access::group(&mut tx, caller, id).await?;
    let scope = Scope {
        visible: Visible::to(caller).ok_or(Error::GroupNotFound)?,
        without: None,
        with_done: request.include_done(),
        tasks: tasks(request.per_board_task_limit)?,
    };
    let view = look(&mut tx, group.clone(), &scope).await?;
    drop(tx);
    Ok(GetGroupSnapshotResponse {
        boards: show(desk, view).await?,
        group: Some(wire::groups::group(group)),
    })
}

pub(super) async fn read_of_board(
    desk: &Desk,
    caller: &Caller,
    request: &GetBoardGroupSnapshotRequest,
) -> Result<GetBoardGroupSnapshotResponse, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let mut tx = moment(&desk.pool).await?;
    let board = access::board(&mut tx, caller, id).await?;
    let scope = Scope {
        visible: Visible::of_siblings(caller).ok_or(Error::BoardNotFound)?,
        without: (!request.include_self()).then_some(board.id),
        with_done: request.include_done(),
        tasks: tasks(request.per_board_task_limit)?,
    };
    let Some(group_id) = board.governance.board_group_id else {
        return Ok(GetBoardGroupSnapshotResponse::default());
    };
    let group = store::groups::find(&mut tx, group_id)
        .await?
        .ok_or(Error::GroupNotFound)?;
    let view = look(&mut tx, group.clone(), &scope).await?;
    drop(tx);
    Ok(GetBoardGroupSnapshotResponse {
        boards: show(desk, view).await?,
        group: Some(wire::groups::group(group)),
    })
}

fn tasks(limit: Option<i32>) -> Result<i32, Error> {
    let limit = limit.unwrap_or(TASKS);
    Ok(decode::number("per_board_task_limit", limit, 0, MAX_TASKS)?)
}

/// Reads what the scope says of a group.
async fn look(tx: &mut PgConnection, group: Group, scope: &Scope) -> Result<GroupView, Error> {
    let boards = store::boards::list_in_group(tx, group.id, &scope.visible, scope.without).await?;
    let ids: Vec<Uuid> = boards.iter().map(|board| board.id).collect();
    let mut counts = store::snapshots::counts(tx, &ids).await?;
    let limit = scope.tasks.into();
    let mut tasks: HashMap<Uuid, Vec<Summary>> = HashMap::new();
    for task in store::snapshots::foremost(tx, &ids, scope.with_done, limit).await? {
        tasks.entry(task.board_id).or_default().push(task);
    }
    let tags: HashSet<Uuid> = tasks
        .values()
        .flatten()
        .flat_map(|task| task.tag_ids.iter().copied())
        .collect();
    let tags: Vec<Uuid> = tags.into_iter().collect();
    let badges = store::snapshots::badges(tx, &tags).await?;
    let view = |board: crate::board::Board| BoardView {
        counts: counts.remove(&board.id).unwrap_or_default(),
        tasks: tasks.remove(&board.id).unwrap_or_default(),
        board,
    };
    Ok(GroupView {
        boards: boards.into_iter().map(view).collect(),
        badges,
        group,
    })
}

/// The view with the names of assignees; nobody is asked where no task has one.
async fn show(desk: &Desk, view: GroupView) -> Result<Vec<GroupBoard>, Error> {
    let staffed: Vec<Uuid> = view
        .boards
        .iter()
        .filter(|view| {
            view.tasks
                .iter()
                .any(|task| task.assigned_agent_id.is_some())
        })
        .map(|view| view.board.id)
        .collect();
    let roster = if staffed.is_empty() {
        Roster::default()
    } else {
        let organization_id = view.group.organization_id;
        desk.peers
            .roster_of_boards(organization_id, &staffed)
            .await?
    };
    Ok(wire::snapshots::boards(view, &roster))
}
