//! Changing a board.

use bus::outbox;
use chassis::Caller;
use proto::board::v1::UpdateBoardRequest;
use sqlx::PgConnection;

use super::super::{Desk, access, access::Room, scene};
use crate::{
    board::{Board, change::Change},
    error::{Error, from_constraint},
    events::groups::Move,
    store,
    wire::boards::edit,
};

pub(super) async fn update(
    desk: &Desk,
    caller: &Caller,
    request: &UpdateBoardRequest,
    expected_version: Option<i64>,
) -> Result<Board, Error> {
    let id = chassis::decode::id("board_id", &request.board_id)?;
    let seen = access::board(&mut *desk.pool.acquire().await?, caller, id).await?;
    access::writer(caller, &seen)?;
    let wanted = apply(caller, &seen, request)?;
    if wanted.governance.gateway_id != seen.governance.gateway_id {
        judge_move(desk, &seen, &wanted).await?;
    }

    let mut tx = desk.pool.begin().await?;
    let joined = join(&mut tx, &seen, &wanted).await?;
    let before = store::boards::lock(&mut tx, id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let version = before.version;
    if expected_version.is_some_and(|expected| expected != version) {
        return Err(Error::VersionConflict { version });
    }
    let mut after = apply(caller, &before, request)?;
    let changes = before.changes(&after);
    if changes.is_empty() {
        return Ok(before);
    }
    if !was_judged(&seen, &wanted, &before, &after) {
        return Err(Error::Busy);
    }
    if before.governance.gateway_id != after.governance.gateway_id {
        access::gateway(&mut tx, &after).await?;
    }
    let now = desk.clock.now();
    after.updated_at = now;
    after.version += 1;
    store::boards::update(&mut tx, &after)
        .await
        .map_err(from_constraint)?;
    let told = tell(&mut tx, caller, [&before, &after], changes, joined).await?;
    outbox::append(&mut tx, told).await?;
    tx.commit().await?;
    Ok(after)
}

/// The board as the request makes it, judged as a whole.
fn apply(caller: &Caller, before: &Board, request: &UpdateBoardRequest) -> Result<Board, Error> {
    let wanted = edit(request, &before.content, &before.governance)?;
    let after = Board {
        content: wanted.content,
        governance: wanted.governance,
        ..before.clone()
    };
    let changes = before.changes(&after);
    let ruled: Vec<&'static str> = changes
        .iter()
        .filter(|change| change.is_ruled())
        .map(|change| change.field)
        .collect();
    if !ruled.is_empty() && !caller.is_admin() {
        return Err(Error::AdminRequired { fields: ruled });
    }
    let missing = after.content.missing_for_goal();
    if !missing.is_empty() {
        return Err(Error::GoalFieldsRequired { fields: missing });
    }
    Ok(after)
}

/// Judges whether a board may move to another gateway: a good one, and nobody stays behind on the old.
async fn judge_move(desk: &Desk, before: &Board, wanted: &Board) -> Result<(), Error> {
    let Some(gateway_id) = wanted.governance.gateway_id else {
        return Ok(());
    };
    desk.peers
        .judge_gateway(before.organization_id, gateway_id)
        .await?;
    if desk
        .peers
        .has_agents_off(&before.scope(), gateway_id)
        .await?
    {
        Err(Error::BoardHasAgents)
    } else {
        Ok(())
    }
}

/// Holds the group that the board is to join.
async fn join(tx: &mut PgConnection, seen: &Board, wanted: &Board) -> Result<Option<Room>, Error> {
    let (was, is) = (
        seen.governance.board_group_id,
        wanted.governance.board_group_id,
    );
    let Some(id) = is.filter(|_| was != is) else {
        return Ok(None);
    };
    access::room(tx, seen.organization_id, id).await.map(Some)
}

/// Whether what changes is what was judged: somebody else may have changed the board in between.
fn was_judged(seen: &Board, wanted: &Board, before: &Board, after: &Board) -> bool {
    let moves = |from: &Board, to: &Board| from.governance.gateway_id != to.governance.gateway_id;
    let joins = |from: &Board, to: &Board| {
        let group = to.governance.board_group_id;
        group.is_some() && from.governance.board_group_id != group
    };
    (!moves(before, after) || moves(seen, wanted)) && (!joins(before, after) || joins(seen, wanted))
}

/// What the agents of the board, and those of the groups that it leaves and joins, are to know.
async fn tell(
    tx: &mut PgConnection,
    caller: &Caller,
    [before, after]: [&Board; 2],
    changes: Vec<Change>,
    joined: Option<Room>,
) -> Result<proto::event::v1::Event, Error> {
    let (was, is) = (
        before.governance.board_group_id,
        after.governance.board_group_id,
    );
    let scene = scene(caller, after, after.updated_at);
    if was == is {
        return Ok(scene.board_updated(changes, None, None));
    }
    let left = match was {
        None => None,
        Some(id) => {
            let group = store::groups::find(tx, id)
                .await?
                .ok_or(Error::GroupNotFound)?;
            let boards = store::boards::names_in_group(tx, id).await?;
            Some(Move { group, boards })
        }
    };
    let joined = joined.filter(|_| is.is_some()).map(|room| Move {
        group: room.group,
        boards: room.boards,
    });
    Ok(scene.board_updated(changes, left, joined))
}
