//! Joining an organization by an invite.

use chassis::{Fault, caller::User as Caller, decode};
use proto::{event::v1::Event, org::v1 as pb};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Org, whole};
use crate::{
    address,
    api_token::{self, ApiToken},
    config::AuthMode,
    error::{Error, Result},
    event::{self, Act},
    invite::Invite,
    member::Member,
    organization::PER_PERSON,
    store::{access, api_tokens, invites, members, organizations, users},
    token::{Kind, TEXT_MAX, Token},
    user::User,
    wire,
};

/// Longest name of a person, in characters.
const NAME_MAX: usize = 200;

/// The token of an invite. What has not the form of one belongs to no invite.
pub(super) fn token(text: &str) -> Result<Token> {
    let text = decode::text("token", text, 1, TEXT_MAX)?;
    Token::parse(Kind::Invite, &text).ok_or(Error::InviteNotFound)
}

/// The name of a person who joins without having an account.
pub(super) fn name(text: &str) -> Result<String, Fault> {
    decode::text("name", text, 1, NAME_MAX)
}

/// An invite whose token was shown, with the hash that it was shown for.
struct Shown {
    invite_id: Uuid,
    organization_id: Uuid,
    hash: String,
}

impl Org {
    /// Lets the caller join and act in the organization of an invite.
    pub(super) async fn accept(
        &self,
        person: &Caller,
        token: &Token,
        act: &Act,
    ) -> Result<pb::Member> {
        let shown = self.show(token).await?;
        let mut tx = self.pool.begin().await?;
        if organizations::lock(&mut tx, shown.organization_id)
            .await?
            .is_none()
        {
            return Err(Error::InviteNotFound);
        }
        let user = users::find_locked(&mut tx, person.id)
            .await?
            .ok_or(Error::UserNotFound)?;
        let invite = invites::lock_in_force(&mut tx, shown.invite_id, &shown.hash, act.at)
            .await?
            .ok_or(Error::InviteNotFound)?;
        if !address::is(user.email.as_deref(), &invite.invited_email) {
            return Err(Error::InviteEmailMismatch);
        }
        let (member, events) = join(&mut tx, &user, invite, act).await?;
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Lets somebody without an account join by an invite and answers their membership and their first token.
    pub(super) async fn redeem(
        &self,
        token: &Token,
        name: String,
    ) -> Result<(pb::Member, pb::ApiToken)> {
        // Where people sign in at an identity provider, they do that and accept.
        let AuthMode::Local = self.auth_mode;
        let shown = self.show(token).await?;
        let secret = Token::new(Kind::Api, Uuid::now_v7(), rand::random());
        let secret_hash = self.hasher.hash(&secret).await?;

        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        if organizations::lock(&mut tx, shown.organization_id)
            .await?
            .is_none()
        {
            return Err(Error::InviteNotFound);
        }
        let invite = invites::lock_in_force(&mut tx, shown.invite_id, &shown.hash, now)
            .await?
            .ok_or(Error::InviteNotFound)?;
        let newcomer = User::invited(&invite, name);
        let (user, is_new) = arrive(&mut tx, newcomer, &invite, now).await?;
        let act = Act {
            actor: event::actor(&user),
            at: now,
        };
        let mut events = Vec::new();
        if is_new {
            events.push(act.user_created(&user, invite.organization_id));
        }
        let organization_id = invite.organization_id;
        let (member, joined) = join(&mut tx, &user, invite, &act).await?;
        events.extend(joined);
        let first = ApiToken {
            id: secret.id,
            organization_id,
            user_id: user.id,
            name: api_token::FIRST.to_owned(),
            scopes: Vec::new(),
            created_at: now,
            expires_at: None,
            last_used_at: None,
        };
        api_tokens::insert(&mut tx, &first, &secret_hash).await?;
        api_tokens::let_follow(&mut tx, first.id).await?;
        events.push(act.api_token_created(&first));
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok((member, wire::api_token(first, Some(secret.reveal()))))
    }

    /// Finds the invite of a token. The hash is compared without a transaction: it takes long.
    async fn show(&self, token: &Token) -> Result<Shown> {
        let mut conn = self.conn().await?;
        let lock = invites::find_lock(&mut conn, token.id, self.clock.now())
            .await?
            .ok_or(Error::InviteNotFound)?;
        drop(conn);
        if !self.hasher.matches(token, &lock.token_hash).await? {
            return Err(Error::InviteNotFound);
        }
        Ok(Shown {
            invite_id: token.id,
            organization_id: lock.organization_id,
            hash: lock.token_hash,
        })
    }
}

/// The person whom an invite addresses, and whether they are new here. Somebody who came by an invite before and belongs
/// to nothing any more has no credential left: this gives them one again.
async fn arrive(
    conn: &mut PgConnection,
    newcomer: User,
    invite: &Invite,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<(User, bool)> {
    let mut known = users::list_by_address_locked(conn, &invite.invited_email).await?;
    let Some(user) = known.pop() else {
        users::insert(conn, &newcomer, at).await?;
        return Ok((newcomer, true));
    };
    let can_sign_in = !user.came_by_invite() || members::count_of_user(conn, user.id).await? > 0;
    if can_sign_in || !known.is_empty() {
        return Err(Error::AccountExists);
    }
    Ok((user, false))
}

/// Makes a person a member by an invite, or more of a member than they are, and uses the invite up. The organization, the
/// person and the invite have to be locked.
async fn join(
    conn: &mut PgConnection,
    user: &User,
    invite: Invite,
    act: &Act,
) -> Result<(pb::Member, Vec<Event>)> {
    let organization_id = invite.organization_id;
    let (member, mut events) = match members::find(conn, organization_id, user.id).await? {
        Some((member, _)) => raise(conn, member, &invite, act).await?,
        None => enter(conn, user, &invite, act).await?,
    };
    let accepted = Invite {
        accepted_by_user_id: Some(user.id),
        accepted_at: Some(act.at),
        updated_at: act.at,
        ..invite
    };
    invites::update_accepted(conn, &accepted).await?;
    events.push(act.invite_accepted(&accepted, &member));
    if users::update_active_organization(conn, user.id, organization_id, act.at).await? {
        events.push(act.active_organization_changed(user.id, organization_id));
    }
    Ok((member, events))
}

async fn enter(
    conn: &mut PgConnection,
    user: &User,
    invite: &Invite,
    act: &Act,
) -> Result<(pb::Member, Vec<Event>)> {
    if members::count_of_user(conn, user.id).await? >= PER_PERSON {
        return Err(Error::OrganizationLimit);
    }
    let member = Member::invited(invite, user.id, act.at);
    members::insert(conn, &member).await?;
    access::merge(conn, member.id, &invite.grants.boards, act.at).await?;
    let member = reread(conn, &member).await?;
    let told = act.member_added(&member, invite.organization_id);
    Ok((member, vec![told]))
}

/// Raises the role, never lowers it, and adds the grants.
async fn raise(
    conn: &mut PgConnection,
    before: Member,
    invite: &Invite,
    act: &Act,
) -> Result<(pb::Member, Vec<Event>)> {
    let mut after = Member {
        role: before.role.raised_to(invite.role),
        all_boards_read: before.all_boards_read || invite.grants.all_boards_read,
        all_boards_write: before.all_boards_write || invite.grants.all_boards_write,
        ..before.clone()
    };
    let more_boards = access::merge(conn, before.id, &invite.grants.boards, act.at).await?;
    let more_role = after.role != before.role;
    let more_access = more_boards
        || (after.all_boards_read, after.all_boards_write)
            != (before.all_boards_read, before.all_boards_write);
    if more_role || more_access {
        after.updated_at = act.at;
        members::update(conn, &after).await?;
    }
    let member = reread(conn, &after).await?;
    let mut events = Vec::new();
    if more_role {
        events.push(act.member_role_changed(&member, before.role, invite.organization_id));
    }
    if more_access {
        events.push(act.member_access_changed(&member, invite.organization_id));
    }
    Ok((member, events))
}

/// The member as they are stored now.
async fn reread(conn: &mut PgConnection, member: &Member) -> Result<pb::Member> {
    let (member, profile) = members::find_by_id(conn, member.organization_id, member.id)
        .await?
        .ok_or(Error::MemberNotFound(member.id))?;
    whole(conn, member, profile).await
}
