//! Deleting a task. Its row and comments stay for the record; who waited for it waits no longer.

use bus::outbox;
use chassis::Caller;
use proto::board::v1::DeleteTaskRequest;

use super::super::{
    Desk,
    access::{self, Place},
    scene,
};
use crate::{error::Error, store, task::cascade};

pub(super) async fn delete(
    desk: &Desk,
    caller: &Caller,
    request: &DeleteTaskRequest,
) -> Result<(), Error> {
    let place = Place::decode(request.board_id.as_deref(), &request.task_id)?;
    let (seen, _) = access::task(&mut *desk.pool.acquire().await?, caller, place).await?;
    access::writer(caller, &seen)?;

    let mut tx = desk.pool.begin().await?;
    let board = store::boards::lock(&mut tx, seen.id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let task = store::tasks::find(&mut tx, place.task_id)
        .await?
        .ok_or(Error::TaskNotFound)?;
    let now = desk.clock.now();
    let dependents = store::tasks::list_dependents(&mut tx, task.id).await?;
    let changes = cascade::removed(task.id, dependents, now);
    let after: Vec<_> = changes.iter().map(|change| &change.after).collect();
    store::tasks::save(&mut tx, &after).await?;
    store::dependencies::delete(&mut tx, task.id).await?;
    store::tags::assign(&mut tx, task.id, &[]).await?;
    store::tasks::delete(&mut tx, task.id, now).await?;
    let scene = scene(caller, &board, now);
    let mut events = vec![scene.task_deleted(&task)];
    events.extend(scene.cascaded(&changes, None));
    outbox::append_all(&mut tx, events).await?;
    store::boards::touch(&mut tx, board.id).await?;
    Ok(tx.commit().await?)
}
