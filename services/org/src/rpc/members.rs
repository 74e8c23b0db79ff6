//! Who belongs to an organization, as what, and with which rights.

use chassis::{Fault, caller::User, decode};
use proto::org::v1::{self as pb, ListMembersRequest, ListMembersResponse};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Org, administering,
    ownership::{appoint, depart, spare},
    standing, whole,
};
use crate::{
    access::Grants,
    error::{Error, Result},
    event::{Act, Departure},
    member::{Member, Position, Profile, Role},
    store::{access, members, organizations},
    wire,
};

impl Org {
    pub(super) async fn list(
        &self,
        person: &User,
        request: ListMembersRequest,
    ) -> Result<ListMembersResponse> {
        let page = decode::page(request.limit, request.offset, None)?;
        let after = position(request.page_token.as_deref(), page.offset)?;

        let organization_id = person.organization_id;
        let mut conn = self.conn().await?;
        standing(&mut conn, person).await?;
        let total = members::count(&mut conn, organization_id).await?;
        // One more than asked for tells whether a page follows.
        let mut entries = members::list(
            &mut conn,
            organization_id,
            after.as_ref(),
            page.limit + 1,
            page.offset,
        )
        .await?;
        let full = usize::try_from(page.limit).is_ok_and(|limit| entries.len() > limit);
        let next_page_token = full.then(|| {
            entries.pop();
            entries.last().map(|last| last.position.to_token())
        });
        let ids: Vec<Uuid> = entries.iter().map(|entry| entry.member.id).collect();
        let mut access = access::list(&mut conn, &ids).await?;
        Ok(ListMembersResponse {
            items: entries
                .into_iter()
                .map(|entry| {
                    let access = access.remove(&entry.member.id).unwrap_or_default();
                    wire::member(entry.member, entry.profile, access)
                })
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token: next_page_token.flatten(),
        })
    }

    /// Admins read anybody, others themselves.
    pub(super) async fn read_member(&self, person: &User, id: Uuid) -> Result<pb::Member> {
        let mut conn = self.conn().await?;
        let caller = standing(&mut conn, person).await?;
        let (member, profile) = members::find_by_id(&mut conn, person.organization_id, id)
            .await?
            .ok_or(Error::MemberNotFound(id))?;
        if caller.role == Role::Member && caller.id != id {
            return Err(Error::AdminRequired);
        }
        whole(&mut conn, member, profile).await
    }

    /// Gives a member a role; without one, nothing changes.
    pub(super) async fn change_role(
        &self,
        person: &User,
        id: Uuid,
        role: Option<Role>,
        act: &Act,
    ) -> Result<pb::Member> {
        let organization_id = person.organization_id;
        let mut tx = self.pool.begin().await?;
        let organization = organizations::lock(&mut tx, organization_id)
            .await?
            .ok_or(Error::OrganizationNotFound(organization_id))?;
        let (caller, member, profile) = target(&mut tx, person, id).await?;
        if let Some(role) = role {
            respect(&caller, &member)?;
            if role == Role::Owner && caller.role != Role::Owner {
                return Err(Error::OwnerRequired);
            }
        }
        let role = role.unwrap_or(member.role);
        if role != Role::Owner {
            spare(&mut tx, &organization, &member).await?;
        }
        let (member, told) = appoint(&mut tx, member, profile, role, act).await?;
        bus::outbox::append_all(&mut tx, told.into_iter().collect()).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Makes these the grants of a member. The same ones change nothing.
    pub(super) async fn change_access(
        &self,
        person: &User,
        id: Uuid,
        grants: &Grants,
        act: &Act,
    ) -> Result<pb::Member> {
        let organization_id = person.organization_id;
        // Who may not do this at all is told so before the boards are judged.
        let mut conn = self.conn().await?;
        let (caller, member, _) = target(&mut conn, person, id).await?;
        respect(&caller, &member)?;
        drop(conn);
        self.check_boards(organization_id, grants).await?;

        let mut tx = self.pool.begin().await?;
        if organizations::lock(&mut tx, organization_id)
            .await?
            .is_none()
        {
            return Err(Error::OrganizationNotFound(organization_id));
        }
        let (caller, mut member, profile) = target(&mut tx, person, id).await?;
        respect(&caller, &member)?;
        let flags = (grants.all_boards_read, grants.all_boards_write);
        let other_flags = (member.all_boards_read, member.all_boards_write) != flags;
        let other_boards = access::replace(&mut tx, id, &grants.boards, act.at).await?;
        let is_changed = other_flags || other_boards;
        if is_changed {
            (member.all_boards_read, member.all_boards_write) = flags;
            member.updated_at = act.at;
            members::update(&mut tx, &member).await?;
        }
        let member = whole(&mut tx, member, profile).await?;
        if is_changed {
            let told = act.member_access_changed(&member, organization_id);
            bus::outbox::append(&mut tx, told).await?;
        }
        tx.commit().await?;
        Ok(member)
    }

    pub(super) async fn remove(&self, person: &User, id: Uuid, act: &Act) -> Result<()> {
        let organization_id = person.organization_id;
        let mut tx = self.pool.begin().await?;
        let organization = organizations::lock(&mut tx, organization_id)
            .await?
            .ok_or(Error::OrganizationNotFound(organization_id))?;
        let (caller, member, profile) = target(&mut tx, person, id).await?;
        if caller.id == id {
            return Err(Error::CannotRemoveSelf);
        }
        respect(&caller, &member)?;
        spare(&mut tx, &organization, &member).await?;
        let events = depart(&mut tx, member, profile, Departure::Removed, act).await?;
        bus::outbox::append_all(&mut tx, events).await?;
        Ok(tx.commit().await?)
    }
}

/// An administering caller, and the member that they want to change.
async fn target(
    conn: &mut PgConnection,
    person: &User,
    id: Uuid,
) -> Result<(Member, Member, Profile)> {
    let caller = administering(conn, person).await?;
    let (member, profile) = members::find_by_id(conn, person.organization_id, id)
        .await?
        .ok_or(Error::MemberNotFound(id))?;
    Ok((caller, member, profile))
}

/// An owner is for owners to change.
fn respect(caller: &Member, member: &Member) -> Result<()> {
    if member.role == Role::Owner && caller.role != Role::Owner {
        return Err(Error::OwnerRequired);
    }
    Ok(())
}

fn position(token: Option<&str>, offset: i64) -> Result<Option<Position>> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let position = Position::from_token(token)
        .ok_or_else(|| Fault::invalid("page_token", "MALFORMED", "not a token of this list"))?;
    if offset != 0 {
        let message = "cannot be combined with page_token";
        return Err(Fault::invalid("offset", "EXCLUDED", message).into());
    }
    Ok(Some(position))
}
