//! Asking, reading and deciding.

use chassis::{Caller, Cursor, decode};
use proto::{
    approval::v1::{
        CreateApprovalRequest, CreateApprovalResponse, GetApprovalRequest, GetApprovalResponse,
        ListApprovalsRequest, ListApprovalsResponse, ResolveApprovalRequest,
        ResolveApprovalResponse, approval_service_server::ApprovalService,
    },
    event::v1::Actor,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Approvals;
use crate::{
    approval::{Approval, Conflict, Creator, Resolution, Status as Standing},
    error::{Error, Result},
    event,
    store::{approvals, links},
    wire,
};

/// How often a request is repeated when the approval in its way was decided in that very moment.
const ATTEMPTS: usize = 5;
/// Longest note, in characters.
const NOTE_MAX: usize = 2_000;

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
        let (asked, task_ids) = wire::request(request)?;

        let approval = Approval {
            id: Uuid::now_v7(),
            organization_id: board.organization_id,
            board_id,
            request: asked,
            links: self.tasks(board_id, &task_ids).await?,
            creator: creator(&caller)?,
            created_at: self.clock.now(),
            resolution: None,
        };
        self.ask(&approval, caller.event_actor()).await?;
        let approval = Some(wire::approval(approval));
        Ok(Response::new(CreateApprovalResponse { approval }))
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

        let approval = Some(wire::approval(self.find(board_id, id).await?));
        Ok(Response::new(GetApprovalResponse { approval }))
    }

    async fn resolve_approval(
        &self,
        request: Request<ResolveApprovalRequest>,
    ) -> Result<Response<ResolveApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let id = decode::id("approval_id", &request.approval_id)?;
        self.writable(&caller, board_id).await?;
        let note = decode::optional_text("note", request.note.as_deref(), NOTE_MAX)?;

        // A body that names nothing changes nothing.
        let approval = if request
            .update_mask
            .is_some_and(|mask| mask.paths.is_empty())
            && request.status == 0
            && note.is_none()
        {
            self.find(board_id, id).await?
        } else {
            let decision = wire::decision(wire::known(request.status)?)?;
            let actor = caller.event_actor();
            let Caller::User(user) = caller else {
                return Err(Error::ActorRequired.into());
            };
            let at = self.clock.now();
            let resolution = Resolution {
                decision,
                user_id: user.id,
                user_name: user.name,
                note,
                at,
            };
            self.decide(board_id, id, resolution, actor).await?
        };
        let approval = Some(wire::approval(approval));
        Ok(Response::new(ResolveApprovalResponse { approval }))
    }
}

/// Who asks: always the caller, never the request.
fn creator(caller: &Caller) -> Result<Creator> {
    match caller {
        Caller::User(user) => Ok(Creator::User(user.id)),
        Caller::Agent(agent) => Ok(Creator::Agent(agent.id)),
        Caller::Internal { .. } | Caller::Anonymous => Err(Error::ActorRequired),
    }
}

impl Approvals {
    async fn find(&self, board_id: Uuid, id: Uuid) -> Result<Approval> {
        let mut conn = self.conn().await?;
        approvals::find(&mut conn, board_id, id)
            .await?
            .ok_or(Error::ApprovalNotFound(id))
    }

    /// Stores a request, unless one of its tasks waits for a decision already.
    async fn ask(&self, approval: &Approval, actor: Actor) -> Result<()> {
        let mut conflicts = Vec::new();
        for _ in 0..ATTEMPTS {
            match self.try_ask(approval, actor.clone()).await? {
                Ok(()) => return Ok(()),
                // Nothing is in the way any more: the other one was decided meanwhile.
                Err(found) if found.is_empty() => {}
                Err(found) => {
                    conflicts = found;
                    break;
                }
            }
        }
        Err(Error::ApprovalPending(conflicts))
    }

    async fn try_ask(
        &self,
        approval: &Approval,
        actor: Actor,
    ) -> Result<Result<(), Vec<Conflict>>> {
        let mut tx = self.pool.begin().await?;
        approvals::insert(&mut tx, approval).await?;
        if links::insert(&mut tx, approval.id, &approval.links).await? < approval.links.len() {
            return Ok(Err(links::list_conflicts(
                &mut tx,
                approval.id,
                &approval.links,
            )
            .await?));
        }
        bus::outbox::append(&mut tx, event::created(actor, approval)).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Decides. The first decision stands: repeating it is answered with it, another one is refused.
    async fn decide(
        &self,
        board_id: Uuid,
        id: Uuid,
        resolution: Resolution,
        actor: Actor,
    ) -> Result<Approval> {
        let mut tx = self.pool.begin().await?;
        let is_first = approvals::resolve(&mut tx, board_id, id, &resolution).await?;
        if is_first {
            links::settle(&mut tx, id).await?;
        }
        let approval = approvals::find(&mut tx, board_id, id)
            .await?
            .ok_or(Error::ApprovalNotFound(id))?;
        if is_first {
            let told = event::resolved(actor, &approval, resolution.at);
            bus::outbox::append(&mut tx, told).await?;
        }
        tx.commit().await?;
        match approval.status() {
            Standing::Resolved(decision) if decision != resolution.decision => {
                Err(Error::ApprovalResolved { id, decision })
            }
            _ => Ok(approval),
        }
    }
}
