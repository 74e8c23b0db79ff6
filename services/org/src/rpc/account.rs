//! The end of an account.

use std::collections::HashMap;

use proto::event::v1::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Org;
use crate::{
    error::{Error, Result},
    event::{Act, Departure},
    member::{Member, Profile, Role},
    organization::Organization,
    store::{access, api_tokens, members, organizations, users},
    wire,
};

/// How often memberships may change under the deletion before it gives up.
const ATTEMPTS: usize = 5;

impl Org {
    /// Deletes a person, and the organizations of which they are the only member.
    pub(super) async fn delete_account(&self, user_id: Uuid, act: &Act) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if self.try_delete_account(user_id, act).await? {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }

    /// Answers `false` when the person joined or left an organization before everything was locked.
    async fn try_delete_account(&self, user_id: Uuid, act: &Act) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let expected = organization_ids(&members::list_of_user(&mut tx, user_id).await?);
        let organizations = organizations::lock_whole(&mut tx, &expected).await?;
        if !users::lock(&mut tx, user_id).await? {
            return Err(Error::UserNotFound);
        }
        let memberships = members::list_of_user(&mut tx, user_id).await?;
        if organization_ids(&memberships) != expected {
            return Ok(false);
        }
        let (alone, shared) = self.divide(&mut tx, organizations, &memberships).await?;
        let events = farewell(&mut tx, user_id, &alone, &shared, memberships, act).await?;
        let alone: Vec<Uuid> = alone.iter().map(|organization| organization.id).collect();
        organizations::delete(&mut tx, &alone).await?;
        users::delete(&mut tx, user_id).await?;
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Divides organizations into those of which the person is the only member and those that go on without them.
    async fn divide(
        &self,
        conn: &mut PgConnection,
        organizations: Vec<Organization>,
        memberships: &[(Member, Profile)],
    ) -> Result<(Vec<Organization>, Vec<Organization>)> {
        let roles: HashMap<Uuid, Role> = memberships
            .iter()
            .map(|(member, _)| (member.organization_id, member.role))
            .collect();
        let ids: Vec<Uuid> = roles.keys().copied().collect();
        let counts = organizations::count_members(conn, &ids).await?;
        let (mut alone, mut shared, mut orphaned) = (Vec::new(), Vec::new(), Vec::new());
        for organization in organizations {
            let (members, owners) = counts.get(&organization.id).copied().unwrap_or_default();
            let is_owner = roles.get(&organization.id) == Some(&Role::Owner);
            if members <= 1 {
                alone.push(organization);
            } else if is_owner && owners <= 1 {
                orphaned.push((organization.id, organization.name));
            } else {
                shared.push(organization);
            }
        }
        if orphaned.is_empty() {
            Ok((alone, shared))
        } else {
            Err(Error::LastOwner(orphaned))
        }
    }
}

/// What is to be told: to every organization that the person is gone, and that it is gone itself where nobody is left.
async fn farewell(
    conn: &mut PgConnection,
    user_id: Uuid,
    alone: &[Organization],
    shared: &[Organization],
    memberships: Vec<(Member, Profile)>,
    act: &Act,
) -> Result<Vec<Event>> {
    let shared: Vec<Uuid> = shared.iter().map(|organization| organization.id).collect();
    let tokens = api_tokens::delete_of_member(conn, &shared, user_id).await?;
    let mut events: Vec<_> = tokens
        .iter()
        .map(|token| act.api_token_revoked(token))
        .collect();
    let ids: Vec<Uuid> = memberships.iter().map(|(member, _)| member.id).collect();
    let mut access = access::list(conn, &ids).await?;
    for (member, profile) in memberships {
        let id = member.organization_id;
        if shared.contains(&id) {
            let access = access.remove(&member.id).unwrap_or_default();
            let gone = wire::member(member, profile, access);
            events.push(act.member_removed(gone, Departure::AccountDeleted, id));
        }
        events.push(act.user_deleted(user_id, id));
    }
    events.extend(alone.iter().map(|gone| act.organization_deleted(gone)));
    Ok(events)
}

/// The organizations of memberships, in one order.
fn organization_ids(memberships: &[(Member, Profile)]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = memberships
        .iter()
        .map(|(member, _)| member.organization_id)
        .collect();
    ids.sort_unstable();
    ids
}
