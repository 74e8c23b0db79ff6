//! Policies: rules about who decides.

use chassis::{Caller, decode};
use chrono::TimeDelta;
use proto::approval::v1::{
    CreateApprovalPolicyRequest, CreateApprovalPolicyResponse, DeleteApprovalPolicyRequest,
    DeleteApprovalPolicyResponse, DryRunApprovalPolicyRequest, DryRunApprovalPolicyResponse,
    GetApprovalPolicyRequest, GetApprovalPolicyResponse, ListApprovalPoliciesRequest,
    ListApprovalPoliciesResponse, UpdateApprovalPolicyRequest, UpdateApprovalPolicyResponse,
    approval_policy_service_server::ApprovalPolicyService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Approvals, organization_of};
use crate::{
    dry_run,
    error::{Error, Result},
    event,
    policy::{MOST, Policy},
    store::{approvals, policies},
    wire::{self, policies::Amendment},
};

/// How far back a dry run looks, in days, unless it is told otherwise, and at most.
const DAYS: i32 = 30;
const DAYS_MAX: i32 = 365;

#[tonic::async_trait]
impl ApprovalPolicyService for Approvals {
    async fn list_approval_policies(
        &self,
        request: Request<ListApprovalPoliciesRequest>,
    ) -> Result<Response<ListApprovalPoliciesResponse>, Status> {
        let organization_id = organization_of(&Caller::of(&request)?)?;
        let mut conn = self.conn().await?;
        let found = policies::list(&mut conn, organization_id).await?;
        Ok(Response::new(ListApprovalPoliciesResponse {
            items: found.into_iter().map(wire::policies::policy).collect(),
        }))
    }

    async fn create_approval_policy(
        &self,
        request: Request<CreateApprovalPolicyRequest>,
    ) -> Result<Response<CreateApprovalPolicyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let organization_id = organization_of(&caller)?;
        let rule = wire::policies::created("", &request.into_inner())?;
        self.own_board(organization_id, rule.board_id).await?;

        let now = self.clock.now();
        let policy = Policy {
            id: Uuid::now_v7(),
            organization_id,
            rule,
            created_at: now,
            updated_at: now,
        };
        self.add(&caller, &policy).await?;
        let policy = Some(wire::policies::policy(policy));
        Ok(Response::new(CreateApprovalPolicyResponse { policy }))
    }

    async fn get_approval_policy(
        &self,
        request: Request<GetApprovalPolicyRequest>,
    ) -> Result<Response<GetApprovalPolicyResponse>, Status> {
        let organization_id = organization_of(&Caller::of(&request)?)?;
        let id = decode::id("policy_id", &request.into_inner().policy_id)?;
        let mut conn = self.conn().await?;
        let policy = policies::find(&mut conn, organization_id, id)
            .await?
            .ok_or(Error::PolicyNotFound(id))?;
        let policy = Some(wire::policies::policy(policy));
        Ok(Response::new(GetApprovalPolicyResponse { policy }))
    }

    async fn update_approval_policy(
        &self,
        request: Request<UpdateApprovalPolicyRequest>,
    ) -> Result<Response<UpdateApprovalPolicyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let organization_id = organization_of(&caller)?;
        let request = request.into_inner();
        let id = decode::id("policy_id", &request.policy_id)?;
        let amendment = Amendment::of(request)?;
        self.own_board(organization_id, amendment.board_id).await?;

        let policy = self.amend(&caller, organization_id, id, &amendment).await?;
        let policy = Some(wire::policies::policy(policy));
        Ok(Response::new(UpdateApprovalPolicyResponse { policy }))
    }

    async fn delete_approval_policy(
        &self,
        request: Request<DeleteApprovalPolicyRequest>,
    ) -> Result<Response<DeleteApprovalPolicyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let organization_id = organization_of(&caller)?;
        let id = decode::id("policy_id", &request.into_inner().policy_id)?;

        let mut tx = self.pool.begin().await.map_err(Error::from)?;
        let policy = policies::delete(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::PolicyNotFound(id))?;
        let told = event::policy_deleted(caller.event_actor(), &policy, self.clock.now());
        bus::outbox::append(&mut tx, told)
            .await
            .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Response::new(DeleteApprovalPolicyResponse { ok: true }))
    }

    async fn dry_run_approval_policy(
        &self,
        request: Request<DryRunApprovalPolicyRequest>,
    ) -> Result<Response<DryRunApprovalPolicyResponse>, Status> {
        let organization_id = organization_of(&Caller::of(&request)?)?;
        let request = request.into_inner();
        let policy = decode::required("policy", request.policy)?;
        let rule = wire::policies::created("policy.", &policy)?;
        let days = decode::number("days", request.days.unwrap_or(DAYS), 1, DAYS_MAX)?;
        self.own_board(organization_id, rule.board_id).await?;

        let since = self.clock.now() - TimeDelta::days(days.into());
        let mut conn = self.conn().await?;
        let past = approvals::list_past(&mut conn, organization_id, since).await?;
        let outcome = dry_run::run(&rule, &past);
        let sample = approvals::list_by_ids(&mut conn, &outcome.sample).await?;
        Ok(Response::new(DryRunApprovalPolicyResponse {
            examined: outcome.examined,
            matched: outcome.matched,
            auto_approved: outcome.auto_approved,
            auto_approved_though_rejected: outcome.auto_approved_though_rejected,
            needing_more_approvals: outcome.needing_more_approvals,
            self_approvals_forbidden: outcome.self_approvals_forbidden,
            sample: sample.into_iter().map(wire::approval).collect(),
        }))
    }
}

impl Approvals {
    /// A policy may be about a board of its own organization.
    async fn own_board(&self, organization_id: Uuid, board_id: Option<Uuid>) -> Result<()> {
        let Some(board_id) = board_id else {
            return Ok(());
        };
        let board = self.scope(board_id).await?;
        if board.organization_id == organization_id {
            Ok(())
        } else {
            Err(Error::BoardNotFound(board_id))
        }
    }

    async fn add(&self, caller: &Caller, policy: &Policy) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        policies::lock(&mut tx, policy.organization_id).await?;
        if policies::count(&mut tx, policy.organization_id).await? >= MOST {
            return Err(Error::TooManyPolicies);
        }
        policies::insert(&mut tx, policy).await?;
        let told = event::policy_created(caller.event_actor(), policy);
        bus::outbox::append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn amend(
        &self,
        caller: &Caller,
        organization_id: Uuid,
        id: Uuid,
        amendment: &Amendment,
    ) -> Result<Policy> {
        let mut tx = self.pool.begin().await?;
        let policy = policies::find_locked(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::PolicyNotFound(id))?;
        let rule = amendment.apply(policy.rule.clone())?;
        let changed = policy.rule.changed_fields(&rule);
        if changed.is_empty() {
            return Ok(policy);
        }
        let policy = Policy {
            rule,
            updated_at: self.clock.now(),
            ..policy
        };
        policies::update(&mut tx, &policy).await?;
        let told = event::policy_updated(caller.event_actor(), &policy, &changed);
        bus::outbox::append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(policy)
    }
}
