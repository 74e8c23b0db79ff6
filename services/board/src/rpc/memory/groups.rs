//! The memory of a group, by itself and through one of its boards.

use bus::outbox;
use chassis::{Caller, Page, decode};
use proto::board::v1::{CreateBoardGroupMemoryRequest, CreateGroupMemoryRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::{Desk, access, cursor};
use crate::{
    author::Author,
    board::Board,
    error::{Error, from_constraint},
    events::memory::remembered_in_group,
    group::Group,
    memory::{Draft, GroupMemory},
    mention,
    roster::Roster,
    store, wire,
};

/// A page of entries.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) items: Vec<proto::board::v1::GroupMemory>,
    pub(super) total: i64,
    pub(super) next_page_token: Option<String>,
}

/// A board that the caller may read, and its group.
pub(super) async fn through(
    conn: &mut PgConnection,
    caller: &Caller,
    board_id: Uuid,
) -> Result<(Board, Option<Group>), Error> {
    let board = access::board(conn, caller, board_id).await?;
    let group = match board.governance.board_group_id {
        Some(id) => store::groups::find(conn, id).await?,
        None => None,
    };
    Ok((board, group))
}

/// A page of a group's memory; without a group there is nothing.
pub(super) async fn list(
    conn: &mut PgConnection,
    group: Option<&Group>,
    is_chat: Option<bool>,
    page: Page,
) -> Result<Shelf, Error> {
    let Some(group) = group else {
        return Ok(Shelf::default());
    };
    let mut found = store::memory::groups::list(conn, group.id, is_chat, &page.beyond()).await?;
    let next_page_token = page.cut(&mut found, |memory| {
        cursor(memory.entry.created_at, memory.entry.id)
    });
    Ok(Shelf {
        items: found.into_iter().map(wire::memory::group_memory).collect(),
        total: store::memory::groups::count(conn, group.id, is_chat).await?,
        next_page_token,
    })
}

/// Writes in the memory of a group by itself.
pub(super) async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateGroupMemoryRequest,
) -> Result<GroupMemory, Error> {
    let id = decode::id("group_id", &request.group_id)?;
    let group = {
        let mut conn = desk.pool.acquire().await?;
        let group = access::group(&mut conn, caller, id).await?;
        access::group_writer(&mut conn, caller, id).await?;
        group
    };
    let draft = wire::memory::draft(&request.content, &request.tags, request.source.as_deref())?;
    write(desk, caller, &group, None, draft).await
}

/// Writes in the memory of the group of a board.
pub(super) async fn create_through(
    desk: &Desk,
    caller: &Caller,
    request: &CreateBoardGroupMemoryRequest,
) -> Result<GroupMemory, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let (board, group) = through(&mut *desk.pool.acquire().await?, caller, id).await?;
    if !caller.writes(&board.scope()) {
        return Err(Error::WriteRequired);
    }
    let draft = wire::memory::draft(&request.content, &request.tags, request.source.as_deref())?;
    let group = group.ok_or(Error::BoardGroupRequired)?;
    write(desk, caller, &group, Some(id), draft).await
}

async fn write(
    desk: &Desk,
    caller: &Caller,
    group: &Group,
    through: Option<Uuid>,
    draft: Draft,
) -> Result<GroupMemory, Error> {
    let author = Author::of(caller).ok_or(Error::WriteRequired)?;
    let boards = {
        let mut conn = desk.pool.acquire().await?;
        store::boards::names_in_group(&mut conn, group.id).await?
    };
    let roster = if mention::words(&draft.content).is_empty() {
        Roster::default()
    } else {
        let ids: Vec<Uuid> = boards.iter().map(|(id, _)| *id).collect();
        let peers = &desk.peers;
        peers.roster_of_boards(group.organization_id, &ids).await?
    };
    let (now, is_broadcast) = (desk.clock.now(), draft.is_broadcast());
    let mentions = mention::resolve(&draft.content, &roster);
    let memory = GroupMemory {
        group_id: group.id,
        board_id: through,
        entry: draft.written(author, mentions, is_broadcast, now),
    };

    let mut tx = desk.pool.begin().await?;
    store::memory::groups::insert(&mut tx, group.organization_id, &memory)
        .await
        .map_err(from_constraint)?;
    let told = remembered_in_group(caller, group, &memory, boards, is_broadcast);
    outbox::append(&mut tx, told).await?;
    tx.commit().await?;
    Ok(memory)
}
