//! Deciding and reopening.

use chassis::{Caller, Fault};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ATTEMPTS, Approvals};
use crate::{
    approval::{Approval, Decision, Link, Resolution, Vote},
    decision::{Refusal, Step, Wanted, step},
    error::{Error, Result},
    history::{Author, Change},
    store::{approvals, changes, links},
    telling::{self, By},
    wire::resolve::Intent,
};

/// What a person wants of an approval.
pub(super) struct Order {
    wanted: Option<Wanted>,
    /// The version that the approval must have.
    expected: Option<i64>,
    user_id: Uuid,
    by: By,
}

/// How an attempt ended.
enum Attempt {
    Done(Box<Approval>),
    /// One of these tasks seems to wait for another approval.
    InTheWay(Vec<Link>),
}

impl Order {
    /// What the caller asks for; `header` and `body` say which version the caller has seen.
    pub(super) fn of(
        caller: &Caller,
        intent: Intent,
        header: Option<i64>,
        body: Option<i64>,
    ) -> Result<Self> {
        let Caller::User(user) = caller else {
            return Err(Error::ActorRequired);
        };
        if header.is_some() && body.is_some() && header != body {
            return Err(Error::Fault(Fault::rejected(
                "VERSION_AMBIGUOUS",
                "expected_version",
                "If-Match names another version",
            )));
        }
        Ok(Self {
            wanted: intent.wanted,
            expected: header.or(body),
            user_id: user.id,
            by: By {
                actor: caller.event_actor(),
                author: Author::of(caller),
                note: intent.note,
            },
        })
    }

    fn check_version(&self, actual: i64) -> Result<()> {
        match self.expected.filter(|expected| *expected != actual) {
            Some(expected) => Err(Error::VersionConflict { expected, actual }),
            None => Ok(()),
        }
    }

    fn vote(&self, at: DateTime<Utc>) -> Vote {
        Vote {
            user_id: Some(self.user_id),
            user_name: self.by.author.name.clone(),
            note: self.by.note.clone(),
            at,
        }
    }

    fn resolution(&self, decision: Decision, at: DateTime<Utc>) -> Resolution {
        Resolution {
            decision,
            user_id: Some(self.user_id),
            user_name: self.by.author.name.clone(),
            note: self.by.note.clone(),
            at,
        }
    }
}

impl Approvals {
    /// Does what a person wants, and answers the approval as it is then.
    pub(super) async fn decide(&self, board_id: Uuid, id: Uuid, order: &Order) -> Result<Approval> {
        let mut conflicts = Vec::new();
        for _ in 0..ATTEMPTS {
            match self.try_decide(board_id, id, order).await {
                Ok(Attempt::Done(approval)) => return Ok(*approval),
                Ok(Attempt::InTheWay(links)) => {
                    conflicts = self.in_the_way(board_id, id, &links).await?;
                }
                Err(error) => return Err(error),
            }
            if !conflicts.is_empty() {
                break;
            }
        }
        Err(Error::in_the_way(conflicts))
    }

    async fn try_decide(&self, board_id: Uuid, id: Uuid, order: &Order) -> Result<Attempt> {
        let mut tx = self.pool.begin().await?;
        approvals::lock_board(&mut tx, board_id).await?;
        approvals::lock(&mut tx, board_id, id).await?;
        let mut approval = reread(&mut tx, board_id, id).await?;
        order.check_version(approval.version)?;
        let Some(wanted) = order.wanted else {
            return Ok(Attempt::Done(Box::new(approval)));
        };

        let now = self.clock.now();
        let judge = |approval: &Approval| {
            step(approval, wanted, order.user_id, now)
                .map_err(|refusal| Error::refused(id, refusal))
        };
        let mut next = judge(&approval)?;
        if next == Step::Expire {
            telling::expire(&mut tx, board_id, &[id], now).await?;
            if let Wanted::Decided(_) = wanted {
                tx.commit().await?;
                return Err(Error::refused(id, Refusal::Expired));
            }
            approval = reread(&mut tx, board_id, id).await?;
            next = judge(&approval)?;
        }
        let Some(change) = take(&mut tx, &approval, next, order, now).await? else {
            return Ok(Attempt::InTheWay(approval.links));
        };
        if let Some(change) = change {
            approval = reread(&mut tx, board_id, id).await?;
            telling::changed(&mut tx, &approval, change, order.by.clone(), now).await?;
        }
        tx.commit().await?;
        Ok(Attempt::Done(Box::new(approval)))
    }
}

async fn reread(conn: &mut PgConnection, board_id: Uuid, id: Uuid) -> Result<Approval> {
    approvals::find(conn, board_id, id)
        .await?
        .ok_or(Error::ApprovalNotFound(id))
}

/// Takes a step: what changed by it, if anything. `None` when a task waits for another approval.
async fn take(
    conn: &mut PgConnection,
    approval: &Approval,
    step: Step,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Option<Option<Change>>> {
    let id = approval.id;
    let change = match step {
        Step::Nothing | Step::Expire => return Ok(Some(None)),
        Step::Vote => {
            changes::insert_vote(&mut *conn, approval, &order.vote(now)).await?;
            changes::touch(conn, &[id]).await?;
            Change::Voted
        }
        Step::Decide(decision) => {
            if decision == Decision::Approved {
                changes::insert_vote(&mut *conn, approval, &order.vote(now)).await?;
            }
            changes::resolve(&mut *conn, id, &order.resolution(decision, now)).await?;
            links::settle(conn, &[id]).await?;
            decision.into()
        }
        Step::Reopen => {
            if !links::reopen(&mut *conn, id).await? {
                return Ok(None);
            }
            changes::reopen(conn, id, now, approval.expiry_if_reopened(now)).await?;
            Change::Reopened
        }
    };
    Ok(Some(Some(change)))
}
