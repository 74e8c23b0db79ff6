//! Groups of boards.

mod pace;
mod write;

use chassis::{Caller, decode};
use proto::board::v1::{
    ApplyGroupHeartbeatRequest, ApplyGroupHeartbeatResponse, CreateBoardGroupRequest,
    CreateBoardGroupResponse, DeleteBoardGroupRequest, DeleteBoardGroupResponse,
    GetBoardGroupRequest, GetBoardGroupResponse, ListBoardGroupsRequest, ListBoardGroupsResponse,
    UpdateBoardGroupRequest, UpdateBoardGroupResponse,
    board_group_service_server::BoardGroupService,
};
use tonic::{Request, Response, Status};

use super::{Desk, access, cursor};
use crate::{error::Error, group::Group, store, visible::Visible, wire};

pub(crate) struct Groups(pub(crate) Desk);

#[tonic::async_trait]
impl BoardGroupService for Groups {
    async fn list_board_groups(
        &self,
        request: Request<ListBoardGroupsRequest>,
    ) -> Result<Response<ListBoardGroupsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            list(&self.0, &caller, request.get_ref()).await?,
        ))
    }

    async fn create_board_group(
        &self,
        request: Request<CreateBoardGroupRequest>,
    ) -> Result<Response<CreateBoardGroupResponse>, Status> {
        let caller = Caller::of(&request)?;
        let group = write::create(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(CreateBoardGroupResponse {
            group: Some(wire::groups::group(group)),
        }))
    }

    async fn get_board_group(
        &self,
        request: Request<GetBoardGroupRequest>,
    ) -> Result<Response<GetBoardGroupResponse>, Status> {
        let caller = Caller::of(&request)?;
        let group = find(&self.0, &caller, &request.get_ref().group_id).await?;
        Ok(Response::new(GetBoardGroupResponse {
            group: Some(wire::groups::group(group)),
        }))
    }

    async fn update_board_group(
        &self,
        request: Request<UpdateBoardGroupRequest>,
    ) -> Result<Response<UpdateBoardGroupResponse>, Status> {
        let caller = Caller::of(&request)?;
        let group = write::update(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(UpdateBoardGroupResponse {
            group: Some(wire::groups::group(group)),
        }))
    }

    async fn delete_board_group(
        &self,
        request: Request<DeleteBoardGroupRequest>,
    ) -> Result<Response<DeleteBoardGroupResponse>, Status> {
        let caller = Caller::of(&request)?;
        write::delete(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(DeleteBoardGroupResponse { ok: true }))
    }

    async fn apply_group_heartbeat(
        &self,
        request: Request<ApplyGroupHeartbeatRequest>,
    ) -> Result<Response<ApplyGroupHeartbeatResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            pace::apply(&self.0, &caller, request.get_ref()).await?,
        ))
    }
}

async fn list(
    desk: &Desk,
    caller: &Caller,
    request: &ListBoardGroupsRequest,
) -> Result<ListBoardGroupsResponse, Error> {
    let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
    let visible = Visible::to(caller).ok_or(Error::GroupNotFound)?;
    let mut conn = desk.pool.acquire().await?;
    let mut groups = store::groups::list(&mut conn, &visible, &page.beyond()).await?;
    let next_page_token = page.cut(&mut groups, |group| cursor(group.created_at, group.id));
    Ok(ListBoardGroupsResponse {
        next_page_token,
        items: groups.into_iter().map(wire::groups::group).collect(),
        total: store::groups::count(&mut conn, &visible).await?,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    })
}

/// A group that the caller may read.
async fn find(desk: &Desk, caller: &Caller, group_id: &str) -> Result<Group, Error> {
    let id = decode::id("group_id", group_id)?;
    access::group(&mut *desk.pool.acquire().await?, caller, id).await
}
