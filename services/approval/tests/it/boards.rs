//! A stand-in for the board service: two boards, and tasks 1 to 60 on the first of them.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use chassis::Fault;
use proto::board::v1::{
    Board, ResolveBoardRequest, ResolveBoardResponse, ResolveTasksRequest, ResolveTasksResponse,
    Task, board_directory_service_server::BoardDirectoryService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(crate) const ORGANIZATION: Uuid = Uuid::from_u128(0x0f);
pub(crate) const FOREIGN_ORGANIZATION: Uuid = Uuid::from_u128(0xff);
pub(crate) const GATEWAY: Uuid = Uuid::from_u128(0x6a);
pub(crate) const BOARD: Uuid = Uuid::from_u128(0xb0);
/// Another board of the same organization and gateway; task 100 is on it.
pub(crate) const OTHER_BOARD: Uuid = Uuid::from_u128(0xb1);
/// A board of another organization.
pub(crate) const FOREIGN_BOARD: Uuid = Uuid::from_u128(0xb2);

/// Shares the cycle that every task is in.
#[derive(Clone)]
pub(crate) struct Boards {
    pub cycle: Arc<AtomicI32>,
    /// Turns every answer into a failure, when set to the number of a gRPC code.
    pub failure: Arc<AtomicI32>,
}

impl Default for Boards {
    fn default() -> Self {
        Self {
            cycle: Arc::new(AtomicI32::new(1)),
            failure: Arc::default(),
        }
    }
}

/// Task `n` of the stand-in.
pub(crate) fn task(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn board_of(task: Uuid) -> Option<Uuid> {
    match task.as_u128() {
        1..=60 => Some(BOARD),
        100 => Some(OTHER_BOARD),
        _ => None,
    }
}

impl Boards {
    fn check(&self) -> Result<(), Status> {
        match self.failure.load(Ordering::SeqCst) {
            0 => Ok(()),
            code => Err(Status::new(code.into(), "the stand-in was told to fail")),
        }
    }
}

#[tonic::async_trait]
impl BoardDirectoryService for Boards {
    async fn resolve_board(
        &self,
        request: Request<ResolveBoardRequest>,
    ) -> Result<Response<ResolveBoardResponse>, Status> {
        self.check()?;
        let id: Uuid = request.into_inner().board_id.parse().unwrap();
        let organization_id = match id {
            BOARD | OTHER_BOARD => ORGANIZATION,
            FOREIGN_BOARD => FOREIGN_ORGANIZATION,
            _ => return Err(Fault::not_found("BOARD_NOT_FOUND", "no such board").into()),
        };
        let board = Board {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            gateway_id: Some(GATEWAY.to_string()),
            ..Board::default()
        };
        Ok(Response::new(ResolveBoardResponse { board: Some(board) }))
    }

    async fn resolve_tasks(
        &self,
        request: Request<ResolveTasksRequest>,
    ) -> Result<Response<ResolveTasksResponse>, Status> {
        self.check()?;
        let request = request.into_inner();
        let board: Uuid = request.board_id.parse().unwrap();
        let cycle = self.cycle.load(Ordering::SeqCst);
        // Backwards: the order of the answer means nothing.
        let ids = request
            .task_ids
            .iter()
            .rev()
            .map(|id| id.parse::<Uuid>().unwrap());
        let tasks = ids
            .filter(|id| board_of(*id) == Some(board))
            .map(|id| Task {
                id: id.to_string(),
                board_id: board.to_string(),
                title: format!("Task {}", id.as_u128()),
                cycle,
                ..Task::default()
            });
        Ok(Response::new(ResolveTasksResponse {
            tasks: tasks.collect(),
        }))
    }
}
