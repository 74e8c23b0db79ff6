//! A new board.

use bus::outbox;
use chassis::{Caller, Clock};
use proto::board::v1::CreateBoardRequest;
use uuid::Uuid;

use super::super::{Desk, access, scene};
use crate::{
    board::{Board, slug},
    error::{Error, from_constraint},
    store,
    wire::boards::{Wanted, draft},
};

/// How often a derived slug may be taken by somebody else between looking and writing.
const ATTEMPTS: usize = 5;
/// Slug of a board whose name leaves nothing for one.
const FALLBACK: &str = "board";

pub(super) async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateBoardRequest,
) -> Result<Board, Error> {
    let organization_id = caller.organization_id().ok_or(Error::WriteRequired)?;
    let wanted = draft(request)?;
    let missing = wanted.content.missing_for_goal();
    if !missing.is_empty() {
        return Err(Error::GoalFieldsRequired { fields: missing });
    }
    if let Some(gateway_id) = wanted.governance.gateway_id {
        desk.peers
            .judge_gateway(organization_id, gateway_id)
            .await?;
    }
    let mut board = build(wanted, organization_id, &desk.clock);
    if !board.content.slug.is_empty() {
        insert(desk, caller, &board).await?;
        return Ok(board);
    }
    for _ in 1..ATTEMPTS {
        derive_slug(desk, &mut board).await?;
        match insert(desk, caller, &board).await {
            Err(Error::SlugTaken) => {}
            outcome => return outcome.map(|()| board),
        }
    }
    board.content.slug = slug::unique(&slug::derived(&board.content.name, FALLBACK), board.id);
    insert(desk, caller, &board).await?;
    Ok(board)
}

fn build(wanted: Wanted, organization_id: Uuid, clock: &Clock) -> Board {
    let now = clock.now();
    Board {
        id: Uuid::now_v7(),
        organization_id,
        content: wanted.content,
        governance: wanted.governance,
        pause: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

async fn derive_slug(desk: &Desk, board: &mut Board) -> Result<(), Error> {
    let base = slug::derived(&board.content.name, FALLBACK);
    let mut conn = desk.pool.acquire().await?;
    let taken = store::boards::slugs_like(&mut conn, board.organization_id, &base).await?;
    board.content.slug = slug::first_free(&base, &taken);
    Ok(())
}

async fn insert(desk: &Desk, caller: &Caller, board: &Board) -> Result<(), Error> {
    let mut tx = desk.pool.begin().await?;
    access::gateway(&mut tx, board).await?;
    if let Some(id) = board.governance.board_group_id {
        access::room(&mut tx, board.organization_id, id).await?;
    }
    store::boards::insert(&mut tx, board)
        .await
        .map_err(from_constraint)?;
    outbox::append(
        &mut tx,
        scene(caller, board, board.created_at).board_created(),
    )
    .await?;
    Ok(tx.commit().await?)
}
