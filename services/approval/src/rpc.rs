//! The RPCs: decode, load, decide, save, answer.

mod approvals;
mod boards;
mod gate;

use chassis::{Clock, Peer};
use sqlx::{PgPool, Postgres, pool::PoolConnection};

use crate::error::Result;

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
}
