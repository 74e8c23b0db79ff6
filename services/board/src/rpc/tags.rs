//! Tags of the caller's organization.

mod change;

use bus::outbox;
use chassis::{Caller, decode};
use proto::board::v1::{
    CreateTagRequest, CreateTagResponse, DeleteTagRequest, DeleteTagResponse, GetTagRequest,
    GetTagResponse, ListBoardTagsRequest, ListBoardTagsResponse, ListTagsRequest, ListTagsResponse,
    UpdateTagRequest, UpdateTagResponse, tag_service_server::TagService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    Desk, access, cursor,
    paging::{Last, Paging},
};
use crate::{
    error::{Error, from_constraint},
    events::catalogue,
    store,
    tag::{MAX_PER_ORGANIZATION, Refusal, Tag},
    wire,
};

pub(crate) struct Tags(pub(crate) Desk);

#[tonic::async_trait]
impl TagService for Tags {
    async fn list_tags(
        &self,
        request: Request<ListTagsRequest>,
    ) -> Result<Response<ListTagsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let answer = list(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn create_tag(
        &self,
        request: Request<CreateTagRequest>,
    ) -> Result<Response<CreateTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        let tag = create(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(CreateTagResponse {
            tag: Some(wire::tags::tag(tag)),
        }))
    }

    async fn get_tag(
        &self,
        request: Request<GetTagRequest>,
    ) -> Result<Response<GetTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        let tag = get(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(GetTagResponse {
            tag: Some(wire::tags::tag(tag)),
        }))
    }

    async fn update_tag(
        &self,
        request: Request<UpdateTagRequest>,
    ) -> Result<Response<UpdateTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        let tag = change::update(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(UpdateTagResponse {
            tag: Some(wire::tags::tag(tag)),
        }))
    }

    async fn delete_tag(
        &self,
        request: Request<DeleteTagRequest>,
    ) -> Result<Response<DeleteTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        change::delete(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(DeleteTagResponse { ok: true }))
    }

    async fn list_board_tags(
        &self,
        request: Request<ListBoardTagsRequest>,
    ) -> Result<Response<ListBoardTagsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let answer = list_of_board(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(answer))
    }
}

/// The organization whose tags the caller means.
fn organization(caller: &Caller) -> Result<Uuid, Error> {
    caller
        .organization_id()
        .ok_or_else(|| Refusal::NotFound.into())
}

async fn list(
    desk: &Desk,
    caller: &Caller,
    request: &ListTagsRequest,
) -> Result<ListTagsResponse, Error> {
    let organization_id = organization(caller)?;
    let token = request.page_token.as_deref();
    let question = ListTagsRequest::default();
    let paging = Paging::of("tags", &question, request.limit, request.offset, token)?;
    let mut conn = desk.pool.acquire().await?;
    let page = paging.page;
    let mut tags = store::tags::list(
        &mut conn,
        organization_id,
        &page.beyond(),
        paging.after.as_deref(),
    )
    .await?;
    let next_page_token = paging.cut(&mut tags, |tag| Last {
        cursor: cursor(tag.created_at, tag.badge.id),
        first: &tag.badge.name,
    });
    Ok(ListTagsResponse {
        next_page_token,
        items: tags.into_iter().map(wire::tags::tag).collect(),
        total: store::tags::count(&mut conn, organization_id).await?,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    })
}

async fn create(desk: &Desk, caller: &Caller, request: &CreateTagRequest) -> Result<Tag, Error> {
    let organization_id = organization(caller)?;
    let wanted = wire::tags::draft(Uuid::now_v7(), request)?;
    let mut tx = desk.pool.begin().await?;
    store::tags::queue(&mut tx, organization_id).await?;
    if store::tags::count(&mut tx, organization_id).await? >= MAX_PER_ORGANIZATION {
        return Err(Refusal::TooMany.into());
    }
    let now = desk.clock.now();
    let tag = Tag {
        organization_id,
        badge: wanted.badge,
        description: wanted.description,
        task_count: 0,
        created_at: now,
        updated_at: now,
    };
    store::tags::insert(&mut tx, &tag)
        .await
        .map_err(from_constraint)?;
    outbox::append(&mut tx, catalogue::tag_created(caller, &tag)).await?;
    tx.commit().await?;
    Ok(tag)
}

async fn get(desk: &Desk, caller: &Caller, request: &GetTagRequest) -> Result<Tag, Error> {
    let organization_id = organization(caller)?;
    let id = decode::id("tag_id", &request.tag_id)?;
    let tag = store::tags::find(&mut *desk.pool.acquire().await?, organization_id, id).await?;
    tag.ok_or_else(|| Refusal::NotFound.into())
}

async fn list_of_board(
    desk: &Desk,
    caller: &Caller,
    request: &ListBoardTagsRequest,
) -> Result<ListBoardTagsResponse, Error> {
    let board_id = decode::id("board_id", &request.board_id)?;
    let mut conn = desk.pool.acquire().await?;
    let stamp = access::stamp(&mut conn, caller, board_id).await?;
    let badges = store::tags::badges(&mut conn, stamp.scope.organization_id).await?;
    Ok(ListBoardTagsResponse {
        items: badges.into_iter().map(wire::tags::badge).collect(),
    })
}
