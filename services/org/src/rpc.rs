//! The RPCs: decode, load, decide, save, answer.
//!
//! Locks are taken in one order: organizations by id, then people, then what belongs to them.

mod account;
mod api_tokens;
mod founding;
mod identity;
mod input;
mod invites;
mod joining;
mod members;
mod organizations;
mod ownership;
mod users;

use chassis::{Caller, Clock, Fault, Peer, caller::User};
use proto::{
    board::v1::{
        ResolveBoardIdsRequest, board_directory_service_client::BoardDirectoryServiceClient,
    },
    event::v1::Actor,
    org::v1 as pb,
};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use uuid::Uuid;

use crate::{
    access::Grants,
    authenticate::Doorkeeper,
    config::AuthMode,
    credential::LocalToken,
    error::{Error, Result},
    event::Act,
    hasher::Hasher,
    member::{Member, Profile, Role},
    organization::Organization,
    store::{
        access, members as member_rows, organizations as organization_rows, users as user_rows,
    },
    wire,
};

/// What the RPCs work with.
#[derive(Clone)]
pub(crate) struct Org {
    pub pool: PgPool,
    pub clock: Clock,
    pub auth_mode: AuthMode,
    pub token: LocalToken,
    pub hasher: Hasher,
    pub doorkeeper: Doorkeeper,
    pub boards: BoardDirectoryServiceClient<Peer>,
}

impl Org {
    async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// Something that is done now.
    fn act(&self, actor: Actor) -> Act {
        Act {
            actor,
            at: self.clock.now(),
        }
    }

    /// Asks the owner of boards whether all of these are boards of the organization.
    async fn check_boards(&self, organization_id: Uuid, grants: &Grants) -> Result<()> {
        let asked = grants.board_ids();
        if asked.is_empty() {
            return Ok(());
        }
        let request = ResolveBoardIdsRequest {
            organization_id: organization_id.to_string(),
            board_ids: asked.iter().map(Uuid::to_string).collect(),
        };
        let answer = self.boards.clone().resolve_board_ids(request).await;
        let known = answer.map_err(Fault::from)?.into_inner().board_ids;
        let unknown = asked.iter().position(|id| !known.contains(&id.to_string()));
        match unknown {
            None => Ok(()),
            Some(index) => Err(Fault::rejected(
                "BOARD_INVALID",
                &format!("board_access[{index}].board_id"),
                "not a board of the organization",
            )
            .into()),
        }
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

/// The caller's membership as it is now: what their credential was verified with may be older.
async fn standing(conn: &mut PgConnection, person: &User) -> Result<Member> {
    let id = person.organization_id;
    let found = member_rows::find(conn, id, person.id).await?;
    let (member, _) = found.ok_or(Error::OrganizationNotFound(id))?;
    Ok(member)
}

/// The caller's membership as it is now, of somebody who administers the organization.
async fn administering(conn: &mut PgConnection, person: &User) -> Result<Member> {
    let member = standing(conn, person).await?;
    match member.role {
        Role::Owner | Role::Admin => Ok(member),
        Role::Member => Err(Error::AdminRequired),
    }
}

/// The caller's membership as it is now, of an owner of the organization.
async fn owning(conn: &mut PgConnection, person: &User) -> Result<Member> {
    let member = standing(conn, person).await?;
    match member.role {
        Role::Owner => Ok(member),
        Role::Admin | Role::Member => Err(Error::OwnerRequired),
    }
}

/// A member with everything that is told of them.
async fn whole(conn: &mut PgConnection, member: Member, profile: Profile) -> Result<pb::Member> {
    let access = access::list_of_member(conn, member.id).await?;
    Ok(wire::member(member, profile, access))
}

/// Creates an organization with its owner, who acts in it from now on.
async fn found(conn: &mut PgConnection, organization: &Organization, owner: &Member) -> Result<()> {
    organization_rows::insert(conn, organization).await?;
    member_rows::insert(conn, owner).await?;
    user_rows::update_active_organization(
        conn,
        owner.user_id,
        organization.id,
        organization.created_at,
    )
    .await?;
    Ok(())
}
