//! Invitations to the active organization.

use chassis::{Caller, Cursor, caller::User, decode};
use proto::org::v1::{
    AcceptInviteRequest, AcceptInviteResponse, CreateInviteRequest, CreateInviteResponse,
    ListInvitesRequest, ListInvitesResponse, RedeemInviteRequest, RedeemInviteResponse,
    ResendInviteRequest, ResendInviteResponse, RevokeInviteRequest, RevokeInviteResponse,
    invite_service_server::InviteService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Org, administering, input, joining, person};
use crate::{
    error::{Error, Result},
    event::Act,
    invite::{self, Invite},
    member::{Member, Role},
    store::{invites, members, organizations},
    token::{Kind, Token},
    wire,
};

#[tonic::async_trait]
impl InviteService for Org {
    async fn list_invites(
        &self,
        request: Request<ListInvitesRequest>,
    ) -> Result<Response<ListInvitesResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let request = request.into_inner();
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;

        let mut conn = self.conn().await?;
        administering(&mut conn, &person).await?;
        let total = invites::count(&mut conn, person.organization_id).await?;
        let mut listed = invites::list(&mut conn, person.organization_id, &page.beyond()).await?;
        let next_page_token = page.cut(&mut listed, |invite| Cursor {
            at: invite.created_at,
            id: invite.id,
        });
        Ok(Response::new(ListInvitesResponse {
            items: listed
                .into_iter()
                .map(|invite| wire::invite(invite, None))
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        }))
    }

    async fn create_invite(
        &self,
        request: Request<CreateInviteRequest>,
    ) -> Result<Response<CreateInviteResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let request = request.into_inner();
        let invite = Invite {
            id: Uuid::now_v7(),
            organization_id: person.organization_id,
            invited_email: input::address(&request.invited_email)?,
            role: wire::role(request.role()).unwrap_or(Role::Member),
            grants: input::grants(
                request.all_boards_read,
                request.all_boards_write,
                &request.board_access,
            )?,
            created_by_user_id: Some(person.id),
            accepted_by_user_id: None,
            accepted_at: None,
            expires_at: invite::expiry(act.at),
            created_at: act.at,
            updated_at: act.at,
        };

        let token = self.invite(&person, &invite, &act).await?;
        let invite = Some(wire::invite(invite, Some(token)));
        Ok(Response::new(CreateInviteResponse { invite }))
    }

    async fn resend_invite(
        &self,
        request: Request<ResendInviteRequest>,
    ) -> Result<Response<ResendInviteResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let id = decode::id("invite_id", &request.into_inner().invite_id)?;

        let (invite, token) = self.renew(&person, id, &act).await?;
        let invite = Some(wire::invite(invite, Some(token)));
        Ok(Response::new(ResendInviteResponse { invite }))
    }

    async fn revoke_invite(
        &self,
        request: Request<RevokeInviteRequest>,
    ) -> Result<Response<RevokeInviteResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let id = decode::id("invite_id", &request.into_inner().invite_id)?;

        let invite = self.withdraw(&person, id, &act).await?;
        let invite = Some(wire::invite(invite, None));
        Ok(Response::new(RevokeInviteResponse { invite }))
    }

    async fn accept_invite(
        &self,
        request: Request<AcceptInviteRequest>,
    ) -> Result<Response<AcceptInviteResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let token = joining::token(&request.into_inner().token)?;

        let member = Some(self.accept(&person, &token, &act).await?);
        Ok(Response::new(AcceptInviteResponse { member }))
    }

    async fn redeem_invite(
        &self,
        request: Request<RedeemInviteRequest>,
    ) -> Result<Response<RedeemInviteResponse>, Status> {
        let request = request.into_inner();
        let token = joining::token(&request.token)?;
        let name = joining::name(&request.name)?;

        let (member, api_token) = self.redeem(&token, name).await?;
        Ok(Response::new(RedeemInviteResponse {
            member: Some(member),
            api_token: Some(api_token),
        }))
    }
}

impl Org {
    /// Stores an invite and answers its token. One that waited in vain for the same address makes room.
    async fn invite(&self, person: &User, invite: &Invite, act: &Act) -> Result<String> {
        let id = invite.organization_id;
        // Who may not do this at all is told so before the boards are judged.
        let mut conn = self.conn().await?;
        may_invite(&administering(&mut conn, person).await?, invite)?;
        drop(conn);
        self.check_boards(id, &invite.grants).await?;
        let token = Token::new(Kind::Invite, invite.id, rand::random());
        let hash = self.hasher.hash(&token).await?;

        let mut tx = self.pool.begin().await?;
        organizations::hold_of_member(&mut tx, id, person.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        may_invite(&administering(&mut tx, person).await?, invite)?;
        if members::has_address(&mut tx, id, &invite.invited_email).await? {
            return Err(Error::AlreadyMember);
        }
        let address = &invite.invited_email;
        let expired = invites::lock_expired(&mut tx, id, address, act.at).await?;
        let mut events = Vec::new();
        if let Some(expired) = expired {
            invites::delete(&mut tx, expired.id).await?;
            events.push(act.invite_revoked(&expired));
        }
        invites::insert(&mut tx, invite, &hash).await?;
        events.push(act.invite_created(invite));
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(token.reveal())
    }

    /// Gives a waiting invite another token and another seven days.
    async fn renew(&self, person: &User, id: Uuid, act: &Act) -> Result<(Invite, String)> {
        let token = Token::new(Kind::Invite, id, rand::random());
        let hash = self.hasher.hash(&token).await?;
        let mut tx = self.pool.begin().await?;
        let caller = administering(&mut tx, person).await?;
        let mut invite = invites::lock_waiting(&mut tx, person.organization_id, id)
            .await?
            .ok_or(Error::InviteNotFound)?;
        may_invite(&caller, &invite)?;
        invite.expires_at = invite::expiry(act.at);
        invite.updated_at = act.at;
        invites::update_token(&mut tx, &invite, &hash).await?;
        bus::outbox::append(&mut tx, act.invite_resent(&invite)).await?;
        tx.commit().await?;
        Ok((invite, token.reveal()))
    }

    async fn withdraw(&self, person: &User, id: Uuid, act: &Act) -> Result<Invite> {
        let mut tx = self.pool.begin().await?;
        administering(&mut tx, person).await?;
        let invite = invites::lock_waiting(&mut tx, person.organization_id, id)
            .await?
            .ok_or(Error::InviteNotFound)?;
        invites::delete(&mut tx, id).await?;
        bus::outbox::append(&mut tx, act.invite_revoked(&invite)).await?;
        tx.commit().await?;
        Ok(invite)
    }
}

/// Whoever holds the token of an invite may become what it says: only owners hold one that makes an owner.
fn may_invite(caller: &Member, invite: &Invite) -> Result<()> {
    if invite.role == Role::Owner && caller.role != Role::Owner {
        return Err(Error::OwnerRequired);
    }
    Ok(())
}
