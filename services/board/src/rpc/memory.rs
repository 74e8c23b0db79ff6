//! What is written down about boards and groups, and their chat.

mod boards;
mod groups;

use chassis::{Caller, decode};
use proto::board::v1::{
    CreateBoardGroupMemoryRequest, CreateBoardGroupMemoryResponse, CreateBoardMemoryRequest,
    CreateBoardMemoryResponse, CreateGroupMemoryRequest, CreateGroupMemoryResponse,
    ListBoardGroupMemoryRequest, ListBoardGroupMemoryResponse, ListBoardMemoryRequest,
    ListBoardMemoryResponse, ListGroupMemoryRequest, ListGroupMemoryResponse,
    memory_service_server::MemoryService,
};
use tonic::{Request, Response, Status};

use super::{Copy, Desk, access};
use crate::{error::Error, wire};

pub(crate) struct Memories(pub(crate) Desk);

#[tonic::async_trait]
impl MemoryService for Memories {
    async fn list_board_memory(
        &self,
        request: Request<ListBoardMemoryRequest>,
    ) -> Result<Response<ListBoardMemoryResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        let read = boards::list(&self.0, &caller, &copy, &request.into_inner()).await?;
        Ok(read.into())
    }

    async fn create_board_memory(
        &self,
        request: Request<CreateBoardMemoryRequest>,
    ) -> Result<Response<CreateBoardMemoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let memory = boards::create(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(CreateBoardMemoryResponse {
            memory: Some(wire::memory::board_memory(memory)),
        }))
    }

    async fn list_group_memory(
        &self,
        request: Request<ListGroupMemoryRequest>,
    ) -> Result<Response<ListGroupMemoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut conn = self.0.pool.acquire().await.map_err(Error::from)?;
        let id = decode::id("group_id", &request.group_id)?;
        let group = access::group(&mut conn, &caller, id).await?;
        let (token, is_chat) = (request.page_token.as_deref(), request.is_chat);
        let page = decode::page(request.limit, request.offset, token)?;
        let shelf = groups::list(&mut conn, Some(&group), is_chat, page).await?;
        Ok(Response::new(ListGroupMemoryResponse {
            items: shelf.items,
            total: shelf.total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token: shelf.next_page_token,
        }))
    }

    async fn create_group_memory(
        &self,
        request: Request<CreateGroupMemoryRequest>,
    ) -> Result<Response<CreateGroupMemoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let memory = groups::create(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(CreateGroupMemoryResponse {
            memory: Some(wire::memory::group_memory(memory)),
        }))
    }

    async fn list_board_group_memory(
        &self,
        request: Request<ListBoardGroupMemoryRequest>,
    ) -> Result<Response<ListBoardGroupMemoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut conn = self.0.pool.acquire().await.map_err(Error::from)?;
        let id = decode::id("board_id", &request.board_id)?;
        let (_, group) = groups::through(&mut conn, &caller, id).await?;
        let (token, is_chat) = (request.page_token.as_deref(), request.is_chat);
        let page = decode::page(request.limit, request.offset, token)?;
        let shelf = groups::list(&mut conn, group.as_ref(), is_chat, page).await?;
        Ok(Response::new(ListBoardGroupMemoryResponse {
            items: shelf.items,
            total: shelf.total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token: shelf.next_page_token,
        }))
    }

    async fn create_board_group_memory(
        &self,
        request: Request<CreateBoardGroupMemoryRequest>,
    ) -> Result<Response<CreateBoardGroupMemoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let memory = groups::create_through(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(CreateBoardGroupMemoryResponse {
            memory: Some(wire::memory::group_memory(memory)),
        }))
    }
}
