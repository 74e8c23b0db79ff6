//! The RPCs: decode, load, decide, save, answer.

mod approvals;
mod ask;
mod boards;
mod decide;
mod gate;
mod policies;

use chassis::{Caller, Clock, Peer};
use proto::approval::v1 as pb;
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tonic::Response;
use uuid::Uuid;

use crate::{
    approval::{Approval, Conflict, Link},
    error::{Error, Result},
    expiry::Sweeper,
    store::links,
    wire,
};

/// How often a request is repeated when the approval in its way was decided in that very moment.
const ATTEMPTS: usize = 5;

/// What the RPCs work with.
#[derive(Clone)]
pub(crate) struct Approvals {
    pub pool: PgPool,
    pub clock: Clock,
    /// The board service: which organization a board belongs to, and which tasks are on it.
    pub boards: Peer,
}

impl Approvals {
    async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// What keeps an approval from being the pending one of its tasks, by task id. What is overdue expires instead, so that
    /// nothing is left when only that was in the way.
    async fn in_the_way(&self, board_id: Uuid, id: Uuid, of: &[Link]) -> Result<Vec<Conflict>> {
        let mut conn = self.conn().await?;
        let found = links::list_conflicts(&mut conn, id, of, self.clock.now()).await?;
        drop(conn);
        let due: Vec<Uuid> = found
            .iter()
            .filter(|(_, is_due)| *is_due)
            .map(|(conflict, _)| conflict.approval_id)
            .collect();
        if !due.is_empty() {
            let sweeper = Sweeper {
                pool: self.pool.clone(),
                clock: self.clock.clone(),
            };
            sweeper.expire(board_id, &due).await?;
        }
        Ok(found
            .into_iter()
            .filter(|(_, is_due)| !is_due)
            .map(|(conflict, _)| conflict)
            .collect())
    }
}

/// The organization in which a person acts.
fn organization_of(caller: &Caller) -> Result<Uuid> {
    caller.organization_id().ok_or(Error::OrganizationRequired)
}

/// An answer that carries the version of the approval as its tag.
fn tagged<T>(approval: Approval, answer: impl FnOnce(pb::Approval) -> T) -> Response<T> {
    let tag = chassis::conditional::version_tag(approval.version);
    chassis::conditional::answer(answer(wire::approval(approval)), &tag)
}
