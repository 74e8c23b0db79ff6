//! The RPCs: decode, load, decide, save, answer.

mod boards;
mod deliveries;
mod endpoints;

use chassis::{Caller, Clock, Peer, Seal};
use sqlx::{PgPool, Postgres, Transaction, pool::PoolConnection};
use uuid::Uuid;

use crate::{
    endpoint::Endpoint,
    error::{Error, Result},
    store,
};

/// What the RPCs work with.
#[derive(Clone)]
pub(crate) struct Webhooks {
    pub pool: PgPool,
    pub clock: Clock,
    pub seal: Seal,
    /// The board service: which organization a board belongs to.
    pub boards: Peer,
    /// Whether private addresses are called.
    pub allow_private: bool,
}

impl Webhooks {
    async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// Reads of one moment: a delivery and the attempts at it are in two tables, and an attempt may end in between.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>> {
        let begin = "begin isolation level repeatable read, read only";
        Ok(self.pool.begin_with(begin).await?)
    }

    async fn find(&self, organization_id: Uuid, id: Uuid) -> Result<Endpoint> {
        let mut conn = self.conn().await?;
        store::endpoints::find(&mut conn, organization_id, id)
            .await?
            .ok_or(Error::EndpointNotFound(id))
    }
}

/// The organization that the caller administers.
fn organization(caller: &Caller) -> Result<Uuid> {
    caller.organization_id().ok_or(Error::AdminRequired)
}
