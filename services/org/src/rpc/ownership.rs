//! Who owns an organization, and how people go.

use chassis::{Fault, caller::User};
use proto::{event::v1::Event, org::v1 as pb};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Org, owning, whole};
use crate::{
    error::{Error, Result},
    event::{Act, Departure},
    member::{Member, Profile, Role},
    organization::Organization,
    store::{api_tokens, members, organizations, users},
};

impl Org {
    /// Ends the caller's own membership.
    pub(super) async fn leave(&self, person: &User, act: &Act) -> Result<()> {
        let id = person.organization_id;
        let absent = || Error::OrganizationNotFound(id);
        let mut tx = self.pool.begin().await?;
        let organization = organizations::lock(&mut tx, id).await?.ok_or_else(absent)?;
        let (member, profile) = members::find(&mut tx, id, person.id)
            .await?
            .ok_or_else(absent)?;
        spare(&mut tx, &organization, &member).await?;
        let events = depart(&mut tx, member, profile, Departure::Left, act).await?;
        bus::outbox::append_all(&mut tx, events).await?;
        Ok(tx.commit().await?)
    }

    /// Makes another member an owner and the caller an admin.
    pub(super) async fn transfer(&self, person: &User, to: Uuid, act: &Act) -> Result<pb::Member> {
        let id = person.organization_id;
        let mut tx = self.pool.begin().await?;
        if organizations::lock(&mut tx, id).await?.is_none() {
            return Err(Error::OrganizationNotFound(id));
        }
        let caller = owning(&mut tx, person).await?;
        if caller.id == to {
            return Err(Fault::invalid("member_id", "SELF", "must be another member").into());
        }
        let (heir, heir_profile) = members::find_by_id(&mut tx, id, to)
            .await?
            .ok_or(Error::MemberNotFound(to))?;
        let (caller, profile) = members::find_by_id(&mut tx, id, caller.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        let (heir, crowned) = appoint(&mut tx, heir, heir_profile, Role::Owner, act).await?;
        let (_, resigned) = appoint(&mut tx, caller, profile, Role::Admin, act).await?;
        let events = crowned.into_iter().chain(resigned).collect();
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(heir)
    }
}

/// Refuses to take the last owner away. The organization has to be locked.
pub(super) async fn spare(
    conn: &mut PgConnection,
    organization: &Organization,
    member: &Member,
) -> Result<()> {
    if member.role == Role::Owner && members::count_owners(conn, organization.id).await? <= 1 {
        let kept = (organization.id, organization.name.clone());
        return Err(Error::LastOwner(vec![kept]));
    }
    Ok(())
}

/// Gives a member a role; tells of it when it is another one. The organization has to be locked.
pub(super) async fn appoint(
    conn: &mut PgConnection,
    mut member: Member,
    profile: Profile,
    role: Role,
    act: &Act,
) -> Result<(pb::Member, Option<Event>)> {
    let (from, organization_id) = (member.role, member.organization_id);
    if from == role {
        return Ok((whole(conn, member, profile).await?, None));
    }
    member.role = role;
    member.updated_at = act.at;
    members::update(conn, &member).await?;
    let member = whole(conn, member, profile).await?;
    let told = act.member_role_changed(&member, from, organization_id);
    Ok((member, Some(told)))
}

/// Ends a membership with its rights and tokens and answers what is to be told of it. The organization has to be locked.
pub(super) async fn depart(
    conn: &mut PgConnection,
    member: Member,
    profile: Profile,
    departure: Departure,
    act: &Act,
) -> Result<Vec<Event>> {
    let (id, organization_id, user_id) = (member.id, member.organization_id, member.user_id);
    users::lock(conn, user_id).await?;
    // No token is made meanwhile that would end untold.
    members::lock(conn, id).await?;
    api_tokens::take_out(conn, organization_id, &[user_id]).await?;
    let tokens = api_tokens::delete_of_member(conn, &[organization_id], user_id).await?;
    let mut events: Vec<_> = tokens
        .iter()
        .map(|token| act.api_token_revoked(token))
        .collect();
    let gone = whole(conn, member, profile).await?;
    members::delete(conn, id).await?;
    users::clear_active_organization(conn, user_id, organization_id, act.at).await?;
    events.push(act.member_removed(gone, departure, organization_id));
    Ok(events)
}
