//! What other services ask about boards and tasks. Calls no peer.

mod goal;

use chassis::decode;
use proto::board::v1::{
    ConfirmGoalRequest, ConfirmGoalResponse, ListGatewayBoardsRequest, ListGatewayBoardsResponse,
    ResolveBoardIdsRequest, ResolveBoardIdsResponse, ResolveBoardRequest, ResolveBoardResponse,
    ResolveTasksRequest, ResolveTasksResponse,
    board_directory_service_server::BoardDirectoryService,
};
use tonic::{Request, Response, Status};

use super::Desk;
use crate::{error::Error, store, wire};

/// Most boards that one call resolves.
const MAX_BOARDS: usize = 500;
/// Most boards that a gateway is answered with.
const MAX_ON_GATEWAY: i64 = 1_000;
/// Most tasks that one call resolves.
const MAX_TASKS: usize = 200;

pub(crate) struct Directory(pub(crate) Desk);

#[tonic::async_trait]
impl BoardDirectoryService for Directory {
    async fn resolve_board(
        &self,
        request: Request<ResolveBoardRequest>,
    ) -> Result<Response<ResolveBoardResponse>, Status> {
        Ok(Response::new(board(&self.0, request.get_ref()).await?))
    }

    async fn resolve_board_ids(
        &self,
        request: Request<ResolveBoardIdsRequest>,
    ) -> Result<Response<ResolveBoardIdsResponse>, Status> {
        Ok(Response::new(board_ids(&self.0, request.get_ref()).await?))
    }

    async fn resolve_tasks(
        &self,
        request: Request<ResolveTasksRequest>,
    ) -> Result<Response<ResolveTasksResponse>, Status> {
        Ok(Response::new(tasks(&self.0, request.get_ref()).await?))
    }

    async fn list_gateway_boards(
        &self,
        request: Request<ListGatewayBoardsRequest>,
    ) -> Result<Response<ListGatewayBoardsResponse>, Status> {
        let answer = gateway_boards(&self.0, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn confirm_goal(
        &self,
        request: Request<ConfirmGoalRequest>,
    ) -> Result<Response<ConfirmGoalResponse>, Status> {
        let board = goal::confirm(&self.0, request.get_ref()).await?;
        Ok(Response::new(ConfirmGoalResponse {
            board: Some(wire::boards::board(&board)),
        }))
    }
}

async fn board(desk: &Desk, request: &ResolveBoardRequest) -> Result<ResolveBoardResponse, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let board = store::boards::find(&mut *desk.pool.acquire().await?, id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    Ok(ResolveBoardResponse {
        board: Some(wire::boards::board(&board)),
    })
}

async fn board_ids(
    desk: &Desk,
    request: &ResolveBoardIdsRequest,
) -> Result<ResolveBoardIdsResponse, Error> {
    let organization_id = decode::id("organization_id", &request.organization_id)?;
    let ids = decode::ids("board_ids", &request.board_ids, MAX_BOARDS)?;
    let mut conn = desk.pool.acquire().await?;
    let found = store::boards::ids_among(&mut conn, organization_id, &ids).await?;
    Ok(ResolveBoardIdsResponse {
        board_ids: found.iter().map(ToString::to_string).collect(),
    })
}

async fn gateway_boards(
    desk: &Desk,
    request: &ListGatewayBoardsRequest,
) -> Result<ListGatewayBoardsResponse, Error> {
    let organization_id = decode::id("organization_id", &request.organization_id)?;
    let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
    let mut conn = desk.pool.acquire().await?;
    let (boards, total) =
        store::boards::list_on_gateway(&mut conn, organization_id, gateway_id, MAX_ON_GATEWAY)
            .await?;
    Ok(ListGatewayBoardsResponse {
        boards: boards.iter().map(wire::boards::board).collect(),
        total,
    })
}

async fn tasks(desk: &Desk, request: &ResolveTasksRequest) -> Result<ResolveTasksResponse, Error> {
    let board_id = decode::id("board_id", &request.board_id)?;
    let ids = decode::ids("task_ids", &request.task_ids, MAX_TASKS)?;
    let tasks = store::tasks::list_by_ids(&mut *desk.pool.acquire().await?, board_id, &ids).await?;
    Ok(ResolveTasksResponse {
        tasks: tasks.into_iter().map(wire::tasks::task).collect(),
    })
}
