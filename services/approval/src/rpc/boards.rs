//! What only the board service knows, asked before any transaction begins.

use std::collections::HashMap;

use chassis::{BoardScope, Caller, Code, Fault, decode};
use proto::board::v1::{
    ResolveBoardRequest, ResolveTasksRequest,
    board_directory_service_client::BoardDirectoryServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use super::Approvals;
use crate::{
    approval::Link,
    error::{Error, Result},
};

impl Approvals {
    /// The board, if the caller may read it. What the caller may not read does not exist for it.
    pub(super) async fn readable(&self, caller: &Caller, board_id: Uuid) -> Result<BoardScope> {
        let scope = self.scope(board_id).await?;
        if caller.sees(&scope) {
            Ok(scope)
        } else {
            Err(Error::BoardNotFound(board_id))
        }
    }

    /// The board, if the caller may change what is on it.
    pub(super) async fn writable(&self, caller: &Caller, board_id: Uuid) -> Result<BoardScope> {
        let scope = self.readable(caller, board_id).await?;
        if caller.writes(&scope) {
            Ok(scope)
        } else {
            Err(Error::BoardWriteRequired)
        }
    }

    /// The tasks in the order given, as they are now. Each has to be a task of the board.
    pub(super) async fn tasks(&self, board_id: Uuid, task_ids: &[Uuid]) -> Result<Vec<Link>> {
        if task_ids.is_empty() {
            return Ok(Vec::new());
        }
        let request = ResolveTasksRequest {
            board_id: board_id.to_string(),
            task_ids: task_ids.iter().map(Uuid::to_string).collect(),
        };
        let answer = self.directory().resolve_tasks(request).await;
        let tasks = answer
            .map_err(|status| failure(board_id, status))?
            .into_inner()
            .tasks;
        let mut known = HashMap::with_capacity(tasks.len());
        for task in tasks
            .into_iter()
            .filter(|task| task.board_id == board_id.to_string())
        {
            let id = decode::id("task", &task.id).map_err(|_| Error::PeerAnswer("a task id"))?;
            known.insert(
                id,
                Link {
                    task_id: id,
                    title: task.title,
                    cycle: task.cycle,
                },
            );
        }
        let missing: Vec<Uuid> = task_ids
            .iter()
            .filter(|id| !known.contains_key(id))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(Error::TaskNotFound(missing));
        }
        Ok(task_ids.iter().filter_map(|id| known.remove(id)).collect())
    }

    pub(super) async fn scope(&self, board_id: Uuid) -> Result<BoardScope> {
        let request = ResolveBoardRequest {
            board_id: board_id.to_string(),
        };
        let answer = self.directory().resolve_board(request).await;
        let board = answer
            .map_err(|status| failure(board_id, status))?
            .into_inner()
            .board;
        let board = board.ok_or(Error::PeerAnswer("a board"))?;
        Ok(BoardScope {
            organization_id: decode::id("organization_id", &board.organization_id)
                .map_err(|_| Error::PeerAnswer("an organization id"))?,
            board_id,
            gateway_id: decode::optional_id("gateway_id", board.gateway_id.as_deref())
                .map_err(|_| Error::PeerAnswer("a gateway id"))?,
        })
    }

    fn directory(&self) -> BoardDirectoryServiceClient<chassis::Peer> {
        BoardDirectoryServiceClient::new(self.boards.clone())
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
