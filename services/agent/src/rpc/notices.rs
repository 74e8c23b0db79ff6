//! `NoticeService`.

use chassis::{Caller, Cursor, decode};
use proto::agent::v1::{
    ListAgentNoticesRequest, ListAgentNoticesResponse, ListBoardNoticesRequest,
    ListBoardNoticesResponse, notice_service_server::NoticeService,
};
use tonic::{Request, Response, Status};

use super::{Desk, Paging};
use crate::{error::Error, notice::Notice, store, wire};

#[tonic::async_trait]
impl NoticeService for Desk {
    async fn list_agent_notices(
        &self,
        request: Request<ListAgentNoticesRequest>,
    ) -> Result<Response<ListAgentNoticesResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let agent = self
            .own_agent(&caller, decode::id("agent_id", &request.agent_id)?)
            .await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let mut rows = store::notices::list(&mut conn, Some(agent.id), None, &page.beyond())
            .await
            .map_err(Error::from)?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, cursor);
        Ok(Response::new(ListAgentNoticesResponse {
            items: rows.items.iter().map(wire::notice).collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        }))
    }

    async fn list_board_notices(
        &self,
        request: Request<ListBoardNoticesRequest>,
    ) -> Result<Response<ListBoardNoticesResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let (_, scope) = self
            .visible_board(&caller, decode::id("board_id", &request.board_id)?)
            .await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let mut rows = store::notices::list(&mut conn, None, Some(scope.board_id), &page.beyond())
            .await
            .map_err(Error::from)?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, cursor);
        Ok(Response::new(ListBoardNoticesResponse {
            items: rows.items.iter().map(wire::notice).collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        }))
    }
}

fn cursor(last: &Notice) -> Cursor {
    Cursor {
        at: last.created_at,
        id: last.id,
    }
}
