//! A stand-in for the board service: two boards of the organization, and one of another.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use chassis::Fault;
use proto::board::v1::{
    Board, ResolveBoardRequest, ResolveBoardResponse, ResolveTasksRequest, ResolveTasksResponse,
    board_directory_service_server::BoardDirectoryService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(crate) const ORGANIZATION: Uuid = Uuid::from_u128(0x0f);
pub(crate) const FOREIGN_ORGANIZATION: Uuid = Uuid::from_u128(0xff);
pub(crate) const BOARD: Uuid = Uuid::from_u128(0xb0);
pub(crate) const OTHER_BOARD: Uuid = Uuid::from_u128(0xb1);
/// A board of the other organization.
pub(crate) const FOREIGN_BOARD: Uuid = Uuid::from_u128(0xb2);

#[derive(Clone, Default)]
pub(crate) struct Boards {
    /// Turns every answer into a failure, when set to the number of a gRPC code.
    pub failure: Arc<AtomicI32>,
}

#[tonic::async_trait]
impl BoardDirectoryService for Boards {
    async fn resolve_board(
        &self,
        request: Request<ResolveBoardRequest>,
    ) -> Result<Response<ResolveBoardResponse>, Status> {
        match self.failure.load(Ordering::SeqCst) {
            0 => {}
            code => return Err(Status::new(code.into(), "the stand-in was told to fail")),
        }
        let id: Uuid = request.into_inner().board_id.parse().unwrap();
        let organization_id = match id {
            BOARD | OTHER_BOARD => ORGANIZATION,
            FOREIGN_BOARD => FOREIGN_ORGANIZATION,
            _ => return Err(Fault::not_found("BOARD_NOT_FOUND", "no such board").into()),
        };
        let board = Board {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            ..Board::default()
        };
        Ok(Response::new(ResolveBoardResponse { board: Some(board) }))
    }

    async fn resolve_tasks(
        &self,
        _: Request<ResolveTasksRequest>,
    ) -> Result<Response<ResolveTasksResponse>, Status> {
        Err(Status::unimplemented("webhooks know no tasks"))
    }
}
