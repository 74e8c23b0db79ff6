//! The goal of a board, confirmed by a person through an onboarding.

use bus::outbox;
use chassis::{Fault, decode};
use proto::{
    board::v1::{ConfirmGoalRequest, GoalConfirmer},
    event::v1::{Actor, ActorKind},
};

use super::Desk;
use crate::{
    board::Board,
    error::{Error, from_constraint},
    events::Scene,
    store,
    wire::boards,
};

/// Most characters of a person's name.
const MAX_NAME: usize = 500;

/// Writes the goal. A board that has it already stays as it is.
pub(super) async fn confirm(desk: &Desk, request: &ConfirmGoalRequest) -> Result<Board, Error> {
    let organization_id = decode::id("organization_id", &request.organization_id)?;
    let id = decode::id("board_id", &request.board_id)?;
    let actor = person(request.confirmed_by.as_ref())?;

    let mut tx = desk.pool.begin().await?;
    let before = store::boards::lock(&mut tx, id)
        .await?
        .filter(|board| board.organization_id == organization_id)
        .ok_or(Error::BoardNotFound)?;
    let mut after = boards::confirmed(request, before.clone())?;
    let fields = after.content.missing_for_goal();
    if !fields.is_empty() {
        return Err(Error::GoalIncomplete { fields });
    }
    let changes = before.changes(&after);
    if changes.is_empty() {
        return Ok(before);
    }
    let now = desk.clock.now();
    after.updated_at = now;
    after.version += 1;
    store::boards::update(&mut tx, &after)
        .await
        .map_err(from_constraint)?;
    let scene = Scene {
        actor,
        agent_id: None,
        board: &after,
        now,
    };
    outbox::append(&mut tx, scene.board_updated(changes, None, None)).await?;
    tx.commit().await?;
    Ok(after)
}

/// The person who confirmed, as the doer of the change.
fn person(confirmer: Option<&GoalConfirmer>) -> Result<Actor, Fault> {
    let confirmer = decode::required("confirmed_by", confirmer)?;
    let id = decode::id("confirmed_by.id", &confirmer.id)?;
    Ok(Actor {
        kind: ActorKind::User.into(),
        id: Some(id.to_string()),
        name: decode::text("confirmed_by.name", &confirmer.name, 1, MAX_NAME)?,
    })
}
