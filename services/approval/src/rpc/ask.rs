//! Asking for a decision.

use chassis::{BoardScope, Caller, caller::system_actor};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ATTEMPTS, Approvals};
use crate::{
    approval::{Approval, Creator, Decision, Link, Requester, Resolution, State},
    error::{Error, Result},
    history::{Author, Change},
    policy::{self, Case, Effect, Policy},
    store::{approvals, changes, deletions, links, policies},
    telling::{self, By},
    wire::request::Asked,
};

/// Who asks: always the caller, never the request.
fn creator(caller: &Caller) -> Result<(Creator, Requester)> {
    match caller {
        Caller::User(user) => Ok((Creator::User(user.id), Requester::User)),
        Caller::Agent(agent) if agent.is_board_lead => {
            Ok((Creator::Agent(agent.id), Requester::Lead))
        }
        Caller::Agent(agent) => Ok((Creator::Agent(agent.id), Requester::Worker)),
        Caller::Internal { .. } | Caller::Anonymous => Err(Error::ActorRequired),
    }
}

impl Approvals {
    /// Stores a request, unless one of its tasks waits for a decision already.
    pub(super) async fn ask(
        &self,
        caller: &Caller,
        board: &BoardScope,
        asked: Asked,
        links: Vec<Link>,
        now: DateTime<Utc>,
    ) -> Result<Approval> {
        let (creator, requester) = creator(caller)?;
        let approval = Approval {
            id: Uuid::now_v7(),
            organization_id: board.organization_id,
            board_id: board.board_id,
            terms: policy::terms(None, asked.expires_at, now),
            request: asked.request,
            links,
            creator: Some(creator),
            requester: Some(requester),
            created_at: now,
            round: 1,
            opened_at: now,
            votes: Vec::new(),
            state: State::Pending,
            version: 1,
        };
        let mut conflicts = Vec::new();
        for _ in 0..ATTEMPTS {
            if let Some(approval) = self.try_ask(caller, approval.clone()).await? {
                return Ok(approval);
            }
            let (board_id, id) = (approval.board_id, approval.id);
            conflicts = self.in_the_way(board_id, id, &approval.links).await?;
            if !conflicts.is_empty() {
                break;
            }
        }
        Err(Error::in_the_way(conflicts))
    }

    /// `None` when a task waits for another decision.
    async fn try_ask(&self, caller: &Caller, mut approval: Approval) -> Result<Option<Approval>> {
        let mut tx = self.pool.begin().await?;
        approvals::lock_board(&mut tx, approval.board_id).await?;
        refuse_gone(&mut tx, &approval).await?;
        let policies = policies::list(&mut tx, approval.organization_id).await?;
        let case = Case {
            action_type: &approval.request.action_type,
            board_id: approval.board_id,
            confidence: approval.request.confidence,
            requester: approval.requester,
        };
        let policy = policy::applicable(&policies, &case);
        approval.terms = policy::terms(policy, approval.terms.expires_at, approval.created_at);
        approvals::insert(&mut tx, &approval).await?;
        if links::insert(&mut tx, approval.id, &approval.links).await? < approval.links.len() {
            return Ok(None);
        }
        let by = By {
            actor: caller.event_actor(),
            author: Author::of(caller),
            note: None,
        };
        let at = approval.created_at;
        telling::changed(&mut tx, &approval, Change::Created, by, at).await?;
        if let Some(policy) = policy.filter(|policy| policy.rule.effect == Effect::AutoApprove) {
            approval = approve(&mut tx, approval, policy).await?;
        }
        tx.commit().await?;
        Ok(Some(approval))
    }
}

/// Refuses what is about something that was deleted since the board service was asked.
async fn refuse_gone(conn: &mut PgConnection, approval: &Approval) -> Result<()> {
    let places = [approval.organization_id, approval.board_id];
    let ids: Vec<Uuid> = approval.task_ids().chain(places).collect();
    let gone = deletions::gone(conn, &ids).await?;
    if gone.is_empty() {
        Ok(())
    } else if places.iter().any(|place| gone.contains(place)) {
        Err(Error::BoardNotFound(approval.board_id))
    } else {
        Err(Error::TaskNotFound(
            approval
                .task_ids()
                .filter(|task_id| gone.contains(task_id))
                .collect(),
        ))
    }
}

/// Approves in the name of a policy, in the moment of creation.
async fn approve(conn: &mut PgConnection, approval: Approval, policy: &Policy) -> Result<Approval> {
    let name = format!("Policy {}", policy.rule.name);
    let at = approval.created_at;
    let resolution = Resolution {
        decision: Decision::Approved,
        user_id: None,
        user_name: name.clone(),
        note: None,
        at,
    };
    changes::resolve(&mut *conn, approval.id, &resolution).await?;
    links::settle(&mut *conn, &[approval.id]).await?;
    let approval = Approval {
        state: State::Decided(resolution),
        version: approval.version + 1,
        ..approval
    };
    let by = By {
        actor: system_actor(),
        author: Author::system(name),
        note: None,
    };
    telling::changed(conn, &approval, Change::Approved, by, at).await?;
    Ok(approval)
}
