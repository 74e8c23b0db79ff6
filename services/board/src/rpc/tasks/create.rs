//! A new task.

use bus::outbox;
use chassis::{Caller, Fault, decode};
use proto::board::v1::CreateTaskRequest;
use uuid::Uuid;

use super::{
    super::{Desk, access, scene},
    edges,
    labels::Labels,
};
use crate::{
    error::Error,
    roster::Roster,
    store,
    task::{
        Task,
        creation::{self, Birthplace, Facts},
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
    judge_creator(caller, request.created_by_user_id.as_deref())?;
    let draft = wire::tasks::draft(request)?;
    creation::judge_status(&draft)?;
    let roster = match draft.assignee {
        Some(_) => desk.peers.roster(&seen.scope(), draft.assignee).await?,
        None => Roster::default(),
    };

    let mut tx = desk.pool.begin().await?;
    let named = draft.tags.clone();
    let labels = Labels::hold(&mut tx, seen.organization_id, &named).await?;
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
    labels.judge()?;
    let facts = Facts {
        open: &open,
        roster: &roster,
        tags: labels.all(),
        fields: &store::custom_fields::list_of_board(&mut tx, board_id).await?,
    };
    let now = desk.clock.now();
    let task = creation::create(mover, at, draft, &facts, now)?;
    store::tasks::insert(&mut tx, &task).await?;
    store::dependencies::insert(&mut tx, task.id, &task.depends_on).await?;
    if !named.is_empty() {
        store::tags::assign(&mut tx, task.id, &named).await?;
    }
    outbox::append(&mut tx, scene(caller, &board, now).task_created(&task)).await?;
    store::boards::touch(&mut tx, board_id).await?;
    tx.commit().await?;
    Ok(task)
}

/// Who created a task follows from the credential; a request may only say the same.
fn judge_creator(caller: &Caller, named: Option<&str>) -> Result<(), Error> {
    let named = decode::optional_id("created_by_user_id", named)?;
    let own = match caller {
        Caller::User(user) => Some(user.id),
        Caller::Agent(_) | Caller::Internal { .. } | Caller::Anonymous => None,
    };
    if named.is_none() || named == own {
        return Ok(());
    }
    let message = "follows from the credential";
    Err(Fault::rejected("CREATOR_NOT_SETTABLE", "created_by_user_id", message).into())
}
