//! Changing and deleting a custom field, with what that means for the values that tasks have of it.

use bus::outbox;
use chassis::{Caller, Clock, decode};
use proto::board::v1::{DeleteCustomFieldRequest, UpdateCustomFieldRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::Desk, hold_boards, organization, show_anew};
use crate::{
    custom_field::{CustomField, Refusal, rule::Rule},
    error::Error,
    events::catalogue,
    store, wire,
};

/// Values that are judged at a time.
const BATCH: i64 = 500;

pub(super) async fn update(
    desk: &Desk,
    caller: &Caller,
    request: &UpdateCustomFieldRequest,
) -> Result<CustomField, Error> {
    let mut tx = desk.pool.begin().await?;
    let mut before = lock(&mut tx, caller, &request.task_custom_field_definition_id).await?;
    let mut after = wire::custom_fields::edit(request, &before)?;
    let strange = hold_boards(&mut tx, &after, &before.board_ids).await?;
    if after.board_ids == before.board_ids {
        // A board that went away meanwhile took the field with it.
        before.board_ids.retain(|id| !strange.contains(id));
        after.board_ids.retain(|id| !strange.contains(id));
    } else if !strange.is_empty() {
        return Err(Refusal::BoardsInvalid { ids: strange }.into());
    }
    let rule = after.judge()?;
    if after.is_stricter_than(&before) {
        let count = count_invalid(&mut tx, &after, &rule).await?;
        if count > 0 {
            return Err(Refusal::ValuesInvalid { count }.into());
        }
    }
    let after = save(&mut tx, caller, &desk.clock, &before, after).await?;
    tx.commit().await?;
    Ok(after)
}

/// Deletes a field, or archives it when tasks have values of it. Whether it is archived.
pub(super) async fn delete(
    desk: &Desk,
    caller: &Caller,
    request: &DeleteCustomFieldRequest,
) -> Result<bool, Error> {
    let mut tx = desk.pool.begin().await?;
    let mut before = lock(&mut tx, caller, &request.task_custom_field_definition_id).await?;
    let strange = hold_boards(&mut tx, &before, &[]).await?;
    before.board_ids.retain(|id| !strange.contains(id));
    if store::custom_fields::has_values(&mut tx, &before).await? {
        let after = CustomField {
            archived: true,
            ..before.clone()
        };
        save(&mut tx, caller, &desk.clock, &before, after).await?;
        tx.commit().await?;
        return Ok(true);
    }
    store::custom_fields::delete(&mut tx, before.id).await?;
    if !before.archived {
        show_anew(&mut tx, &before.board_ids).await?;
    }
    let event = catalogue::field_deleted(caller, &before, desk.clock.now());
    outbox::append(&mut tx, event).await?;
    tx.commit().await?;
    Ok(false)
}

async fn lock(conn: &mut PgConnection, caller: &Caller, id: &str) -> Result<CustomField, Error> {
    let organization_id = organization(caller)?;
    let id = decode::id("task_custom_field_definition_id", id)?;
    let field = store::custom_fields::lock(conn, organization_id, id).await?;
    field.ok_or_else(|| Refusal::NotFound.into())
}

/// Writes a definition that is held with its boards, and tells of it; nothing when nothing changed.
async fn save(
    conn: &mut PgConnection,
    caller: &Caller,
    clock: &Clock,
    before: &CustomField,
    mut after: CustomField,
) -> Result<CustomField, Error> {
    let changed = before.changed_fields(&after);
    if changed.is_empty() {
        return Ok(before.clone());
    }
    after.updated_at = clock.now();
    store::custom_fields::update(conn, &after).await?;
    let shown = before.boards_shown_anew(&after);
    if !shown.is_empty() {
        show_anew(conn, &shown).await?;
    }
    outbox::append(conn, catalogue::field_updated(caller, &after, &changed)).await?;
    Ok(after)
}

/// How many stored values a rule does not let pass.
async fn count_invalid(
    conn: &mut PgConnection,
    field: &CustomField,
    rule: &Rule,
) -> Result<usize, Error> {
    let (mut count, mut after) = (0, Uuid::nil());
    loop {
        let values = store::custom_fields::list_values(conn, field, after, BATCH).await?;
        let Some((last, _)) = values.last() else {
            return Ok(count);
        };
        after = *last;
        count += values
            .iter()
            .filter(|(_, value)| rule.check(value).is_err())
            .count();
    }
}
