//! Changing and deleting a tag, with what that does to the tasks that have it.

use bus::outbox;
use chassis::{Caller, decode};
use proto::board::v1::{DeleteTagRequest, UpdateTagRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::Desk, organization};
use crate::{
    error::{Error, from_constraint},
    events::catalogue,
    store,
    tag::{Refusal, Tag},
    wire,
};

pub(super) async fn update(
    desk: &Desk,
    caller: &Caller,
    request: &UpdateTagRequest,
) -> Result<Tag, Error> {
    let mut tx = desk.pool.begin().await?;
    let before = lock(&mut tx, caller, &request.tag_id).await?;
    let mut after = wire::tags::edit(request, &before)?;
    let changed = before.changed_fields(&after);
    if changed.is_empty() {
        return Ok(before);
    }
    after.updated_at = desk.clock.now();
    store::tags::update(&mut tx, &after)
        .await
        .map_err(from_constraint)?;
    if before.badge != after.badge {
        let boards = hold_boards(&mut tx, &after).await?;
        store::tags::touch_tasks(&mut tx, after.badge.id).await?;
        store::held::touch(&mut tx, &boards).await?;
    }
    outbox::append(&mut tx, catalogue::tag_updated(caller, &after, &changed)).await?;
    tx.commit().await?;
    Ok(after)
}

pub(super) async fn delete(
    desk: &Desk,
    caller: &Caller,
    request: &DeleteTagRequest,
) -> Result<(), Error> {
    let mut tx = desk.pool.begin().await?;
    let tag = lock(&mut tx, caller, &request.tag_id).await?;
    let boards = hold_boards(&mut tx, &tag).await?;
    store::tags::delete(&mut tx, tag.badge.id).await?;
    store::held::touch(&mut tx, &boards).await?;
    let event = catalogue::tag_deleted(caller, &tag, desk.clock.now());
    outbox::append(&mut tx, event).await?;
    Ok(tx.commit().await?)
}

async fn lock(conn: &mut PgConnection, caller: &Caller, id: &str) -> Result<Tag, Error> {
    let organization_id = organization(caller)?;
    let id = decode::id("tag_id", id)?;
    let tag = store::tags::lock(conn, organization_id, id).await?;
    tag.ok_or_else(|| Refusal::NotFound.into())
}

/// The boards with tasks that have a tag that is held, held as well. No other board can get one meanwhile.
async fn hold_boards(conn: &mut PgConnection, tag: &Tag) -> Result<Vec<Uuid>, Error> {
    let boards = store::tags::boards(conn, tag.badge.id).await?;
    Ok(store::held::hold(conn, tag.organization_id, &boards).await?)
}
