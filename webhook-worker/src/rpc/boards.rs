//! What only the board service knows, asked before any transaction begins.

use chassis::{BoardScope, Caller, Code, Fault, decode};
use proto::board::v1::{
    ResolveBoardRequest, board_directory_service_client::BoardDirectoryServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use super::Webhooks;
use crate::error::{Error, Result};

impl Webhooks {
    /// Makes sure that the caller may read the board. What the caller may not read does not exist for it.
    pub(super) async fn see_board(&self, caller: &Caller, board_id: Uuid) -> Result<()> {
        let mut directory = BoardDirectoryServiceClient::new(self.boards.clone());
        let request = ResolveBoardRequest {
            board_id: board_id.to_string(),
        };
        let answer = directory.resolve_board(request).await;
        let board = answer
            .map_err(|status| failure(board_id, status))?
            .into_inner()
            .board
            .ok_or(Error::PeerAnswer("a board"))?;
        let scope = BoardScope {
            organization_id: decode::id("organization_id", &board.organization_id)
                .map_err(|_| Error::PeerAnswer("an organization id"))?,
            board_id,
            gateway_id: None,
        };
        if caller.sees(&scope) {
            Ok(())
        } else {
            Err(Error::BoardNotFound(board_id))
        }
    }
}

/// What a failed question to the board service means for the caller, who did not ask it.
fn failure(board_id: Uuid, status: Status) -> Error {
    let fault = Fault::from(status.clone());
    match fault.code {
        Code::NotFound if fault.reason == "BOARD_NOT_FOUND" => Error::BoardNotFound(board_id),
        Code::Unavailable | Code::TooMany => Error::Fault(fault),
        Code::NotFound
        | Code::Invalid
        | Code::Unauthenticated
        | Code::Forbidden
        | Code::AlreadyExists
        | Code::Conflict
        | Code::Internal => Error::Peer(Box::new(status)),
    }
}
