//! Everything that a page shows of a board or of a group.

mod board;
mod group;

use chassis::Caller;
use proto::board::v1::{
    GetBoardGroupSnapshotRequest, GetBoardGroupSnapshotResponse, GetBoardSnapshotRequest,
    GetBoardSnapshotResponse, GetGroupSnapshotRequest, GetGroupSnapshotResponse,
    snapshot_service_server::SnapshotService,
};
use tonic::{Request, Response, Status};

use super::{Desk, access};

pub(crate) struct Snapshots(pub(crate) Desk);

#[tonic::async_trait]
impl SnapshotService for Snapshots {
    async fn get_board_snapshot(
        &self,
        request: Request<GetBoardSnapshotRequest>,
    ) -> Result<Response<GetBoardSnapshotResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            board::read(&self.0, &caller, request.get_ref()).await?,
        ))
    }

    async fn get_board_group_snapshot(
        &self,
        request: Request<GetBoardGroupSnapshotRequest>,
    ) -> Result<Response<GetBoardGroupSnapshotResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            group::read_of_board(&self.0, &caller, request.get_ref()).await?,
        ))
    }

    async fn get_group_snapshot(
        &self,
        request: Request<GetGroupSnapshotRequest>,
    ) -> Result<Response<GetGroupSnapshotResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            group::read(&self.0, &caller, request.get_ref()).await?,
        ))
    }
}
