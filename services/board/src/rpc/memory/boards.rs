//! The memory of a board, and its chat.

use bus::outbox;
use chassis::{Caller, decode};
use proto::board::v1::{CreateBoardMemoryRequest, ListBoardMemoryRequest, ListBoardMemoryResponse};

use super::super::{Copy, Desk, Read, access, cursor, etag, pause, scene};
use crate::{
    author::Author,
    error::Error,
    memory::{BoardMemory, Command},
    mention,
    roster::Roster,
    store, wire,
};

pub(super) async fn list(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &ListBoardMemoryRequest,
) -> Result<Read<ListBoardMemoryResponse>, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let mut conn = desk.pool.acquire().await?;
    let stamp = access::stamp(&mut conn, caller, id).await?;
    let etag = etag(stamp.version);
    if copy.holds(&etag) {
        return Ok(Read::Unchanged(etag));
    }
    let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
    let is_chat = request.is_chat;
    let mut found = store::memory::boards::list(&mut conn, id, is_chat, &page.beyond()).await?;
    let next_page_token = page.cut(&mut found, |memory| {
        cursor(memory.entry.created_at, memory.entry.id)
    });
    let answer = ListBoardMemoryResponse {
        next_page_token,
        items: found.into_iter().map(wire::memory::board_memory).collect(),
        total: store::memory::boards::count(&mut conn, id, is_chat).await?,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    };
    Ok(Read::Fresh(answer, etag))
}

pub(super) async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateBoardMemoryRequest,
) -> Result<BoardMemory, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let seen = access::board(&mut *desk.pool.acquire().await?, caller, id).await?;
    if !caller.writes(&seen.scope()) {
        return Err(Error::WriteRequired);
    }
    let author = Author::of(caller).ok_or(Error::WriteRequired)?;
    let draft = wire::memory::draft(&request.content, &request.tags, request.source.as_deref())?;
    let command = draft.command();
    if command.is_some() && !pause::is_open_to(caller, id) {
        return Err(Error::PauseRequiresAdmin);
    }
    let roster = if mention::words(&draft.content).is_empty() {
        Roster::default()
    } else {
        desk.peers.roster(&seen.scope(), None).await?
    };

    let mut tx = desk.pool.begin().await?;
    let board = store::boards::lock(&mut tx, id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let now = desk.clock.now();
    let mentions = mention::resolve(&draft.content, &roster);
    let memory = BoardMemory {
        board_id: id,
        entry: draft.written(author, mentions, false, now),
    };
    store::memory::boards::insert(&mut tx, board.organization_id, &memory).await?;
    let told = scene(caller, &board, now).remembered(&memory, command);
    outbox::append(&mut tx, told).await?;
    store::boards::touch(&mut tx, id).await?;
    if let Some(command) = command {
        pause::set(&mut tx, caller, id, command == Command::Pause, now).await?;
    }
    tx.commit().await?;
    Ok(memory)
}
