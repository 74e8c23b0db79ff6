//! Deleting a board, with everything on it.

use bus::outbox;
use chassis::{Caller, decode};
use proto::board::v1::DeleteBoardRequest;

use super::super::{Desk, access, scene};
use crate::{error::Error, store};

pub(super) async fn delete(
    desk: &Desk,
    caller: &Caller,
    request: &DeleteBoardRequest,
) -> Result<(), Error> {
    let id = decode::id("board_id", &request.board_id)?;
    access::board(&mut *desk.pool.acquire().await?, caller, id).await?;

    let mut tx = desk.pool.begin().await?;
    let board = store::boards::lock_to_delete(&mut tx, id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    store::boards::delete(&mut tx, id).await?;
    let told = scene(caller, &board, desk.clock.now()).board_deleted(request.force());
    outbox::append(&mut tx, told).await?;
    Ok(tx.commit().await?)
}
