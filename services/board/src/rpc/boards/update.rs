//! Changing a board.

use bus::outbox;
use chassis::Caller;
use proto::board::v1::UpdateBoardRequest;

use super::super::{Desk, access, scene};
use crate::{
    board::Board,
    error::{Error, from_constraint},
    store,
    wire::boards::edit,
};

pub(super) async fn update(
    desk: &Desk,
    caller: &Caller,
    request: &UpdateBoardRequest,
) -> Result<Board, Error> {
    let id = chassis::decode::id("board_id", &request.board_id)?;
    let seen = access::board(&mut *desk.pool.acquire().await?, caller, id).await?;
    access::writer(caller, &seen)?;
    let wanted = apply(caller, &seen, request)?;
    if wanted.governance.gateway_id != seen.governance.gateway_id {
        judge_move(desk, &seen, &wanted).await?;
    }

    let mut tx = desk.pool.begin().await?;
    let before = store::boards::lock(&mut tx, id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let mut after = apply(caller, &before, request)?;
    let changed = before.changed_fields(&after);
    if changed.is_empty() {
        return Ok(before);
    }
    let now = desk.clock.now();
    after.updated_at = now;
    after.version += 1;
    store::boards::update(&mut tx, &after)
        .await
        .map_err(from_constraint)?;
    outbox::append(&mut tx, scene(caller, &after, now).board_updated(&changed)).await?;
    tx.commit().await?;
    Ok(after)
}

/// The board as the request makes it, judged as a whole.
fn apply(caller: &Caller, before: &Board, request: &UpdateBoardRequest) -> Result<Board, Error> {
    let wanted = edit(request, &before.content, &before.governance)?;
    if wanted.board_group_id.is_some() {
        return Err(Error::BoardGroupInvalid);
    }
    let ruled: Vec<&'static str> = before
        .governance
        .changed_fields(&wanted.governance)
        .collect();
    if !ruled.is_empty() && !caller.is_admin() {
        return Err(Error::AdminRequired { fields: ruled });
    }
    let missing = wanted.content.missing_for_goal();
    if !missing.is_empty() {
        return Err(Error::GoalFieldsRequired { fields: missing });
    }
    Ok(Board {
        content: wanted.content,
        governance: wanted.governance,
        ..before.clone()
    })
}

/// Judges whether a board may move to another gateway: a good one, and nobody stays behind on the old.
async fn judge_move(desk: &Desk, before: &Board, wanted: &Board) -> Result<(), Error> {
    desk.peers
        .judge_gateway(before.organization_id, wanted.governance.gateway_id)
        .await?;
    let roster = desk.peers.roster(&before.scope(), None).await?;
    if roster.members.is_empty() {
        Ok(())
    } else {
        Err(Error::BoardHasAgents)
    }
}
