//! Boards of the caller's organization.

mod create;
mod delete;
mod update;

use chassis::{Caller, conditional, decode};
use proto::board::v1::{
    self as pb, CreateBoardRequest, CreateBoardResponse, DeleteBoardRequest, DeleteBoardResponse,
    GetBoardRequest, GetBoardResponse, ListBoardsRequest, ListBoardsResponse, PauseBoardRequest,
    PauseBoardResponse, ResumeBoardRequest, ResumeBoardResponse, UpdateBoardRequest,
    UpdateBoardResponse, board_service_server::BoardService,
};
use tonic::{Request, Response, Status};

use super::{Copy, Desk, Read, access, cursor, etag, pause};
use crate::{board::Board, error::Error, store, visible::Visible, wire};

pub(crate) struct Boards(pub(crate) Desk);

#[tonic::async_trait]
impl BoardService for Boards {
    async fn list_boards(
        &self,
        request: Request<ListBoardsRequest>,
    ) -> Result<Response<ListBoardsResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(list(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn create_board(
        &self,
        request: Request<CreateBoardRequest>,
    ) -> Result<Response<CreateBoardResponse>, Status> {
        let caller = Caller::of(&request)?;
        let board = create::create(&self.0, &caller, &request.into_inner()).await?;
        Ok(tagged(&board, |board| CreateBoardResponse { board }))
    }

    async fn get_board(
        &self,
        request: Request<GetBoardRequest>,
    ) -> Result<Response<GetBoardResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(get(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn update_board(
        &self,
        request: Request<UpdateBoardRequest>,
    ) -> Result<Response<UpdateBoardResponse>, Status> {
        let caller = Caller::of(&request)?;
        let version = conditional::if_match(&request)?;
        let board = update::update(&self.0, &caller, &request.into_inner(), version).await?;
        Ok(tagged(&board, |board| UpdateBoardResponse { board }))
    }

    async fn delete_board(
        &self,
        request: Request<DeleteBoardRequest>,
    ) -> Result<Response<DeleteBoardResponse>, Status> {
        let caller = Caller::of(&request)?;
        delete::delete(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(DeleteBoardResponse { ok: true }))
    }

    async fn pause_board(
        &self,
        request: Request<PauseBoardRequest>,
    ) -> Result<Response<PauseBoardResponse>, Status> {
        let caller = Caller::of(&request)?;
        let board = pause::ask(&self.0, &caller, &request.get_ref().board_id, true).await?;
        Ok(tagged(&board, |board| PauseBoardResponse { board }))
    }

    async fn resume_board(
        &self,
        request: Request<ResumeBoardRequest>,
    ) -> Result<Response<ResumeBoardResponse>, Status> {
        let caller = Caller::of(&request)?;
        let board = pause::ask(&self.0, &caller, &request.get_ref().board_id, false).await?;
        Ok(tagged(&board, |board| ResumeBoardResponse { board }))
    }
}

/// An answer that is a board, with its tag.
fn tagged<T>(board: &Board, answer: impl FnOnce(Option<pb::Board>) -> T) -> Response<T> {
    let tag = conditional::version_tag(board.version);
    conditional::answer(answer(Some(wire::boards::board(board))), &tag)
}

async fn list(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &ListBoardsRequest,
) -> Result<Read<ListBoardsResponse>, Error> {
    let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
    let filter = store::boards::Filter {
        visible: Visible::to(caller).ok_or(Error::BoardNotFound)?,
        gateway_id: decode::optional_id("gateway_id", request.gateway_id.as_deref())?,
        board_group_id: decode::optional_id("board_group_id", request.board_group_id.as_deref())?,
    };
    let mut conn = desk.pool.acquire().await?;
    let (total, digest) = store::boards::summary(&mut conn, &filter).await?;
    let etag = etag(digest);
    if copy.holds(&etag) {
        return Ok(Read::Unchanged(etag));
    }
    let mut boards = store::boards::list(&mut conn, &filter, &page.beyond()).await?;
    let next_page_token = page.cut(&mut boards, |board| cursor(board.created_at, board.id));
    let answer = ListBoardsResponse {
        next_page_token,
        items: boards.iter().map(wire::boards::board).collect(),
        total,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    };
    Ok(Read::Fresh(answer, etag))
}

async fn get(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &GetBoardRequest,
) -> Result<Read<GetBoardResponse>, Error> {
    let id = decode::id("board_id", &request.board_id)?;
    let board = access::board(&mut *desk.pool.acquire().await?, caller, id).await?;
    let etag = etag(board.version);
    if copy.holds(&etag) {
        return Ok(Read::Unchanged(etag));
    }
    Ok(Read::Fresh(
        GetBoardResponse {
            board: Some(wire::boards::board(&board)),
        },
        etag,
    ))
}
