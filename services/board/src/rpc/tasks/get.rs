//! One task. Its tag is its version, by which a change can insist on it.

use chassis::{Caller, conditional::version_tag};
use proto::board::v1::{GetTaskRequest, GetTaskResponse};
use sqlx::PgConnection;

use super::super::{
    Copy, Desk, Read,
    access::{self, Place},
};
use crate::{error::Error, store, wire};

pub(super) async fn get(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &GetTaskRequest,
) -> Result<Read<GetTaskResponse>, Error> {
    let place = Place::decode(request.board_id.as_deref(), &request.task_id)?;
    let mut conn = desk.pool.acquire().await?;
    if let Some(tag) = held(&mut conn, caller, place, copy).await? {
        return Ok(Read::Unchanged(tag));
    }
    let (_, task) = access::task(&mut conn, caller, place).await?;
    let tag = version_tag(task.version);
    let answer = GetTaskResponse {
        task: Some(wire::tasks::task(task)),
    };
    Ok(Read::Fresh(answer, tag))
}

/// The tag of the copy that the caller has, while it holds. One look-up.
async fn held(
    conn: &mut PgConnection,
    caller: &Caller,
    place: Place,
    copy: &Copy,
) -> Result<Option<String>, Error> {
    if !copy.is_there() {
        return Ok(None);
    }
    let stamp = store::tasks::own_stamp(conn, place.task_id).await?;
    let seen = stamp.filter(|stamp| {
        caller.sees(&stamp.scope) && place.board_id.is_none_or(|id| id == stamp.scope.board_id)
    });
    Ok(seen
        .map(|stamp| version_tag(stamp.version))
        .filter(|tag| copy.holds(tag)))
}
