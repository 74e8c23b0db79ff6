//! A new task.

use bus::outbox;
use chassis::{Caller, decode};
use proto::board::v1::CreateTaskRequest;
use uuid::Uuid;

use super::{
    super::{Desk, access, scene},
    edges,
};
use crate::{
    error::Error,
    roster::Roster,
    store,
    task::{
        Task,
        creation::{self, Birthplace},
    },
    wire,
};

pub(super) async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateTaskRequest,
) -> Result<Task, Error> {
    let board_id = decode::id("board_id", &request.board_id)?;
    let seen = access::board(&mut *desk.pool.acquire().await?, caller, board_id).await?;
    let mover = access::writer(caller, &seen)?;
    let draft = wire::tasks::draft(request)?;
    creation::judge_status(&draft)?;
    let roster = match draft.assignee {
        Some(_) => desk.peers.roster(&seen.scope(), draft.assignee).await?,
        None => Roster::default(),
    };

    let mut tx = desk.pool.begin().await?;
    let board = store::boards::lock(&mut tx, board_id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let at = Birthplace {
        id: Uuid::now_v7(),
        organization_id: board.organization_id,
        board_id,
    };
    let open = match draft.depends_on.as_slice() {
        [] => Vec::new(),
        depends_on => edges::judge(&mut tx, board_id, at.id, depends_on).await?,
    };
    let now = desk.clock.now();
    let task = creation::create(mover, at, draft, &open, &roster, now)?;
    store::tasks::insert(&mut tx, &task).await?;
    store::dependencies::insert(&mut tx, task.id, &task.depends_on).await?;
    outbox::append(&mut tx, scene(caller, &board, now).task_created(&task)).await?;
    store::boards::touch(&mut tx, board_id).await?;
    tx.commit().await?;
    Ok(task)
}
