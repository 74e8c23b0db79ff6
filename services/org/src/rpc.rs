//! The RPCs: decode, load, decide, save, answer.

mod identity;
mod organizations;
mod users;

use chassis::{Caller, Clock, caller::User};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use crate::{
    credential::LocalToken,
    error::{Error, Result},
    member::Member,
    organization::Organization,
    store::{members, organizations as organization_rows, users as user_rows},
};

/// What the RPCs work with.
#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub pool: PgPool,
    pub clock: Clock,
    pub token: LocalToken,
}

impl Org {
    async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }
}

/// The person who calls. Agents and components have no organization to choose.
fn person(caller: Caller) -> Result<User> {
    match caller {
        Caller::User(user) => Ok(user),
        Caller::Agent(_) | Caller::Internal { .. } | Caller::Anonymous => {
            Err(Error::PersonRequired)
        }
    }
}

/// Creates an organization with its owner, who acts in it from now on.
async fn found(conn: &mut PgConnection, organization: &Organization, owner: &Member) -> Result<()> {
    organization_rows::insert(conn, organization).await?;
    members::insert(conn, owner).await?;
    user_rows::update_active_organization(
        conn,
        owner.user_id,
        organization.id,
        organization.created_at,
    )
    .await?;
    Ok(())
}
