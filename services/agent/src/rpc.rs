//! The RPCs: decode, load, decide, save, answer.

mod agents;
mod coordination;
mod directory;
mod gateways;
mod input;
mod notices;
mod onboarding;
mod paces;
mod skills;
mod soul_directory;
mod souls;

use chassis::{BoardScope, Caller, Clock, Code, Page, Peer, Seal, decode, fault};
use proto::board::v1::{
    Board, ResolveBoardRequest, board_directory_service_client::BoardDirectoryServiceClient,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    authenticate::Doorkeeper, connector::Connector, error::Error, lifecycle::Planner,
    waking::Waker, wire,
};

pub(crate) use skills::Shelf;
pub(crate) use souls::Souls;

/// What every RPC needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub pool: PgPool,
    pub clock: Clock,
    pub seal: Seal,
    pub boards: BoardDirectoryServiceClient<Peer>,
    pub doorkeeper: Doorkeeper,
    pub planner: Planner,
    pub waker: Waker,
    pub connector: Connector,
    /// Where agents reach Mission Control.
    pub base_url: String,
}

impl Desk {
    /// A board that the caller sees, asked of its owner. What the caller may not see does not exist.
    async fn visible_board(&self, caller: &Caller, id: Uuid) -> Result<(Board, BoardScope), Error> {
        let request = ResolveBoardRequest {
            board_id: id.to_string(),
        };
        let answer = self
            .boards
            .clone()
            .resolve_board(request)
            .await
            .map_err(|status| {
                let fault = fault::read(&status);
                if fault.code == Code::NotFound {
                    Error::BoardNotFound
                } else {
                    Error::Refused(fault)
                }
            })?;
        let board = answer.into_inner().board.ok_or(Error::BoardNotFound)?;
        let scope = wire::board::scope(&board).map_err(|error| Error::Peer {
            role: "board",
            source: error.into(),
        })?;
        if caller.sees(&scope) {
            Ok((board, scope))
        } else {
            Err(Error::BoardNotFound)
        }
    }
}

impl Desk {
    /// A board that the caller sees and may change.
    async fn writable_board(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(Board, BoardScope), Error> {
        let id = decode::id("board_id", id)?;
        let (board, scope) = self.visible_board(caller, id).await?;
        if caller.writes(&scope) {
            Ok((board, scope))
        } else {
            Err(Error::BoardWriteRequired)
        }
    }
}

/// The organization of a caller that acts in one. The contract admits no other caller to the RPCs that ask.
fn organization(caller: &Caller) -> Result<Uuid, Error> {
    caller.organization_id().ok_or(Error::AdminRequired)
}

/// The paging fields of an answer.
struct Paging {
    total: i64,
    limit: i32,
    offset: i32,
    next_page_token: Option<String>,
}

impl Paging {
    /// Takes the row beyond the page away from a list that was asked for [`Page::beyond`].
    fn of<T>(
        page: &Page,
        items: &mut Vec<T>,
        total: i64,
        cursor: impl Fn(&T) -> chassis::Cursor,
    ) -> Self {
        Self {
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token: page.cut(items, cursor),
        }
    }
}
