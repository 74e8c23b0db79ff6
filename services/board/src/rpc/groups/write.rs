//! Making, changing and deleting groups.

use bus::outbox;
use chassis::Caller;
use proto::board::v1::{CreateBoardGroupRequest, DeleteBoardGroupRequest, UpdateBoardGroupRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::scene, Desk, find};
use crate::{
    board::{Board, change::Change, slug},
    error::{Error, from_constraint},
    events::{self, groups::Move},
    group::Group,
    store,
    wire::groups::{Wanted, draft, edit},
};

/// How often a derived slug may be taken by somebody else between looking and writing.
const ATTEMPTS: usize = 5;
/// Slug of a group whose name leaves nothing for one.
const FALLBACK: &str = "group";

pub(super) async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateBoardGroupRequest,
) -> Result<Group, Error> {
    let organization_id = caller.organization_id().ok_or(Error::GroupWriteRequired)?;
    let wanted = draft(request)?;
    let now = desk.clock.now();
    let group = Group {
        id: Uuid::now_v7(),
        organization_id,
        name: wanted.name,
        slug: wanted.slug.clone().unwrap_or_default(),
        description: wanted.description,
        created_at: now,
        updated_at: now,
    };
    for attempt in 1..=ATTEMPTS {
        let mut group = group.clone();
        let mut tx = desk.pool.begin().await?;
        if wanted.slug.is_none() {
            group.slug = derived_slug(&mut tx, &group, attempt).await?;
        }
        match store::groups::insert(&mut tx, &group)
            .await
            .map_err(from_constraint)
        {
            Err(Error::GroupSlugTaken) if wanted.slug.is_none() => continue,
            outcome => outcome?,
        }
        outbox::append(&mut tx, events::groups::created(caller, &group)).await?;
        tx.commit().await?;
        return Ok(group);
    }
    Err(Error::Busy)
}

pub(super) async fn update(
    desk: &Desk,
    caller: &Caller,
    request: &UpdateBoardGroupRequest,
) -> Result<Group, Error> {
    let seen = find(desk, caller, &request.group_id).await?;
    for attempt in 1..=ATTEMPTS {
        let mut tx = desk.pool.begin().await?;
        let before = store::groups::lock(&mut tx, seen.id, seen.organization_id)
            .await?
            .ok_or(Error::GroupNotFound)?;
        let wanted = edit(request, &before)?;
        let is_derived = wanted.slug.is_none();
        let mut after = apply(&before, wanted);
        if is_derived {
            after.slug = derived_slug(&mut tx, &after, attempt).await?;
        }
        let changed = before.changed_fields(&after);
        if changed.is_empty() {
            return Ok(before);
        }
        after.updated_at = desk.clock.now();
        match store::groups::update(&mut tx, &after)
            .await
            .map_err(from_constraint)
        {
            Err(Error::GroupSlugTaken) if is_derived => continue,
            outcome => outcome?,
        }
        outbox::append(&mut tx, events::groups::updated(caller, &after, &changed)).await?;
        tx.commit().await?;
        return Ok(after);
    }
    Err(Error::Busy)
}

fn apply(before: &Group, wanted: Wanted) -> Group {
    Group {
        name: wanted.name,
        slug: wanted.slug.unwrap_or_else(|| before.slug.clone()),
        description: wanted.description,
        ..before.clone()
    }
}

/// The slug that the name of a group stands for, with a number where another group has it; at last one that nothing has.
async fn derived_slug(
    conn: &mut PgConnection,
    group: &Group,
    attempt: usize,
) -> Result<String, Error> {
    let base = slug::derived(&group.name, FALLBACK);
    if attempt == ATTEMPTS {
        return Ok(slug::unique(&base, group.id));
    }
    let taken = store::groups::slugs_like(conn, group, &base).await?;
    Ok(slug::first_free(&base, &taken))
}

pub(super) async fn delete(
    desk: &Desk,
    caller: &Caller,
    request: &DeleteBoardGroupRequest,
) -> Result<(), Error> {
    let seen = find(desk, caller, &request.group_id).await?;
    let mut tx = desk.pool.begin().await?;
    let group = store::groups::lock(&mut tx, seen.id, seen.organization_id)
        .await?
        .ok_or(Error::GroupNotFound)?;
    let now = desk.clock.now();
    let boards = store::boards::detach_all(&mut tx, group.id, now).await?;
    store::groups::delete(&mut tx, group.id).await?;
    let names: Vec<(Uuid, String)> = boards
        .iter()
        .map(|board| (board.id, board.content.name.clone()))
        .collect();
    let detached = |board: &Board| {
        let others = names.iter().filter(|(id, _)| *id != board.id).cloned();
        let left = Move {
            group: group.clone(),
            boards: others.collect(),
        };
        let change = Change::of_group(Some(group.id), None);
        scene(caller, board, now).board_updated(vec![change], Some(left), None)
    };
    let mut told: Vec<_> = boards.iter().map(detached).collect();
    told.push(events::groups::deleted(caller, &group, names.clone(), now));
    outbox::append_all(&mut tx, told).await?;
    Ok(tx.commit().await?)
}
