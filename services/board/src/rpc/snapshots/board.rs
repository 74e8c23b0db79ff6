//! A board with everything on it.

use std::collections::HashMap;

use chassis::{Caller, decode};
use proto::{
    approval::v1::TaskApprovalCounts,
    board::v1::{BoardMemory, GetBoardSnapshotRequest, GetBoardSnapshotResponse, Task},
};
use uuid::Uuid;

use super::{Desk, access};
use crate::{
    board::Board,
    error::Error,
    snapshot::Counts,
    store::{self, snapshots::moment},
    wire,
};

/// Most tasks that are not done.
const OPEN: i64 = 2_000;
/// Most tasks that are done.
const MAX_DONE: i32 = 1_000;
/// Tasks that are done, unless the reader says otherwise.
const DONE: i32 = 200;
/// Chat messages.
const CHAT: i64 = 200;

/// What this service itself knows of a board, at one moment.
struct Own {
    board: Board,
    tasks: Vec<Task>,
    counts: Counts,
    chat: Vec<BoardMemory>,
}

pub(super) async fn read(
    desk: &Desk,
    caller: &Caller,
    request: &GetBoardSnapshotRequest,
) -> Result<GetBoardSnapshotResponse, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    access::stamp(&mut *desk.pool.acquire().await?, caller, id).await?;
    let done = decode::number(
        "done_limit",
        request.done_limit.unwrap_or(DONE),
        0,
        MAX_DONE,
    )?;
    let (own, agents, approvals) = tokio::try_join!(
        own(desk, caller, id, done),
        desk.peers.agents(id),
        desk.peers.summary(id),
    )?;
    let names: HashMap<&str, &str> = agents
        .iter()
        .map(|agent| (agent.id.as_str(), agent.name.as_str()))
        .collect();
    let counts: HashMap<&str, &TaskApprovalCounts> = approvals
        .tasks
        .iter()
        .map(|counts| (counts.task_id.as_str(), counts))
        .collect();
    let card = |task: Task| {
        let assignee = task.assigned_agent_id.as_deref();
        let assignee = assignee.and_then(|id| names.get(id)).copied();
        let counts = counts.get(task.id.as_str()).copied();
        wire::snapshots::card(task, assignee.map(str::to_owned), counts)
    };
    let tasks = own.tasks.into_iter().map(card).collect();
    Ok(GetBoardSnapshotResponse {
        board: Some(wire::boards::board(&own.board)),
        tasks,
        agents,
        pending_approvals_count: approvals.pending_count,
        approvals: approvals.approvals,
        chat_messages: own.chat,
        task_counts: wire::snapshots::counts(own.counts),
    })
}

async fn own(desk: &Desk, caller: &Caller, id: Uuid, done: i32) -> Result<Own, Error> {
    let mut tx = moment(&desk.pool).await?;
    let board = access::board(&mut tx, caller, id).await?;
    let ids = store::snapshots::card_ids(&mut tx, id, OPEN, done.into()).await?;
    let tasks = store::tasks::list_by_ids(&mut tx, id, &ids).await?;
    let mut counts = store::snapshots::counts(&mut tx, &[id]).await?;
    let mut chat = store::memory::newest_chat(&mut tx, id, CHAT).await?;
    chat.reverse();
    Ok(Own {
        board,
        tasks: tasks.into_iter().map(wire::tasks::task).collect(),
        counts: counts.remove(&id).unwrap_or_default(),
        chat: chat.into_iter().map(wire::memory::board_memory).collect(),
    })
}
