//! Asking, reading and deciding.

use chassis::{Caller, Cursor, Page, conditional, decode};
use chrono::DateTime;
use proto::approval::v1::{
    CreateApprovalRequest, CreateApprovalResponse, GetApprovalRequest, GetApprovalResponse,
    ListApprovalHistoryRequest, ListApprovalHistoryResponse, ListApprovalsRequest,
    ListApprovalsResponse, ResolveApprovalRequest, ResolveApprovalResponse,
    approval_service_server::ApprovalService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Approvals, decide::Order, tagged};
use crate::{
    approval::Approval,
    error::{Error, Result},
    store::{approvals, history},
    wire,
};

#[tonic::async_trait]
impl ApprovalService for Approvals {
    async fn list_approvals(
        &self,
        request: Request<ListApprovalsRequest>,
    ) -> Result<Response<ListApprovalsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        self.readable(&caller, board_id).await?;
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let status = wire::filter(request.status)?;

        let mut conn = self.conn().await?;
        let total = approvals::count(&mut conn, board_id, status).await?;
        let mut found = approvals::list(&mut conn, board_id, status, &page.beyond()).await?;
        let next_page_token = page.cut(&mut found, |last| Cursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(Response::new(ListApprovalsResponse {
            items: found.into_iter().map(wire::approval).collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        }))
    }

    async fn create_approval(
        &self,
        request: Request<CreateApprovalRequest>,
    ) -> Result<Response<CreateApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let board = self.writable(&caller, board_id).await?;
        let now = self.clock.now();
        let asked = wire::request::asked(request, now)?;
        let links = self.tasks(board_id, &asked.task_ids).await?;

        let approval = self.ask(&caller, &board, asked, links, now).await?;
        Ok(tagged(approval, |approval| CreateApprovalResponse {
            approval: Some(approval),
        }))
    }

    async fn get_approval(
        &self,
        request: Request<GetApprovalRequest>,
    ) -> Result<Response<GetApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let id = decode::id("approval_id", &request.approval_id)?;
        self.readable(&caller, board_id).await?;

        let approval = self.find(board_id, id).await?;
        Ok(tagged(approval, |approval| GetApprovalResponse {
            approval: Some(approval),
        }))
    }

    async fn resolve_approval(
        &self,
        request: Request<ResolveApprovalRequest>,
    ) -> Result<Response<ResolveApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let seen = conditional::if_match(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let id = decode::id("approval_id", &request.approval_id)?;
        self.writable(&caller, board_id).await?;
        let intent = wire::resolve::intent(&request)?;
        let order = Order::of(&caller, intent, seen, request.expected_version)?;

        let approval = self.decide(board_id, id, &order).await?;
        Ok(tagged(approval, |approval| ResolveApprovalResponse {
            approval: Some(approval),
        }))
    }

    async fn list_approval_history(
        &self,
        request: Request<ListApprovalHistoryRequest>,
    ) -> Result<Response<ListApprovalHistoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let id = decode::id("approval_id", &request.approval_id)?;
        self.readable(&caller, board_id).await?;
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;

        self.find(board_id, id).await?;
        let mut conn = self.conn().await?;
        let total = history::count(&mut conn, id).await?;
        let (after, beyond) = (seen_version(&page), page.beyond());
        let mut found = history::list(&mut conn, id, after, beyond.limit, beyond.offset).await?;
        let next_page_token = page.cut(&mut found, |last| version_cursor(last.version));
        Ok(Response::new(ListApprovalHistoryResponse {
            items: found.into_iter().map(wire::entry).collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        }))
    }
}

/// History is ordered by version, so a version is all that its cursor carries.
fn version_cursor(version: i64) -> Cursor {
    Cursor {
        at: DateTime::UNIX_EPOCH,
        id: Uuid::from_u128(u128::from(version.unsigned_abs())),
    }
}

/// The version up to which the reader has seen the history.
fn seen_version(page: &Page) -> i64 {
    page.after.map_or(0, |cursor| {
        i64::try_from(cursor.id.as_u128()).unwrap_or(i64::MAX)
    })
}

impl Approvals {
    async fn find(&self, board_id: Uuid, id: Uuid) -> Result<Approval> {
        let mut conn = self.conn().await?;
        approvals::find(&mut conn, board_id, id)
            .await?
            .ok_or(Error::ApprovalNotFound(id))
    }
}
