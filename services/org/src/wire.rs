//! Domain values as messages of the contract.

use chassis::encode;
use proto::org::v1 as pb;

use crate::{
    access::Grant,
    api_token::{ApiToken, Scope},
    identity::Identity,
    invite::Invite,
    member::{BoardAccess, Member, Profile, Role},
    organization::{Listed, Organization},
    settings::Settings,
    user::User,
};

impl From<Role> for pb::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

impl From<Scope> for pb::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Admin => Self::Admin,
        }
    }
}

/// A role as it was asked for; `None` when none was.
pub(crate) fn role(role: pb::Role) -> Option<Role> {
    match role {
        pb::Role::Unspecified => None,
        pb::Role::Owner => Some(Role::Owner),
        pb::Role::Admin => Some(Role::Admin),
        pb::Role::Member => Some(Role::Member),
    }
}

/// A scope as it was asked for; `None` when it is none of ours.
pub(crate) fn scope(number: i32) -> Option<Scope> {
    match pb::Scope::try_from(number).unwrap_or_default() {
        pb::Scope::Unspecified => None,
        pb::Scope::Read => Some(Scope::Read),
        pb::Scope::Write => Some(Scope::Write),
        pb::Scope::Admin => Some(Scope::Admin),
    }
}

pub(crate) fn user(user: User) -> pb::User {
    pb::User {
        id: user.id.to_string(),
        clerk_user_id: user.clerk_user_id,
        email: user.email,
        name: user.profile.name,
        preferred_name: user.profile.preferred_name,
        pronouns: user.profile.pronouns,
        timezone: user.profile.timezone,
        notes: user.profile.notes,
        context: user.profile.context,
        is_super_admin: user.is_super_admin,
    }
}

/// What agents may know of a person.
pub(crate) fn profile(user: User) -> pb::ResolveProfileResponse {
    pb::ResolveProfileResponse {
        user_id: user.id.to_string(),
        name: user.profile.name,
        email: user.email,
        preferred_name: user.profile.preferred_name,
        pronouns: user.profile.pronouns,
        timezone: user.profile.timezone,
        notes: user.profile.notes,
        context: user.profile.context,
    }
}

pub(crate) fn organization(organization: Organization) -> pb::Organization {
    pb::Organization {
        id: organization.id.to_string(),
        name: organization.name,
        created_at: Some(encode::time(organization.created_at)),
        updated_at: Some(encode::time(organization.updated_at)),
    }
}

pub(crate) fn listed(listed: Listed) -> pb::OrganizationListItem {
    pb::OrganizationListItem {
        id: listed.id.to_string(),
        name: listed.name,
        role: pb::Role::from(listed.role).into(),
        is_active: listed.is_active,
    }
}

pub(crate) fn member(member: Member, profile: Profile, access: Vec<BoardAccess>) -> pb::Member {
    pb::Member {
        id: member.id.to_string(),
        organization_id: member.organization_id.to_string(),
        user_id: member.user_id.to_string(),
        role: pb::Role::from(member.role).into(),
        all_boards_read: member.all_boards_read,
        all_boards_write: member.all_boards_write,
        created_at: Some(encode::time(member.created_at)),
        updated_at: Some(encode::time(member.updated_at)),
        user: Some(pb::MemberUser {
            id: member.user_id.to_string(),
            email: profile.email,
            name: profile.name,
            preferred_name: profile.preferred_name,
        }),
        board_access: access.into_iter().map(board_access).collect(),
    }
}

fn board_access(access: BoardAccess) -> pb::BoardAccess {
    pb::BoardAccess {
        id: access.id.to_string(),
        board_id: access.board_id.to_string(),
        can_read: access.can_read,
        can_write: access.can_write,
        created_at: Some(encode::time(access.created_at)),
        updated_at: Some(encode::time(access.updated_at)),
    }
}

pub(crate) fn identity(identity: Identity) -> pb::AuthenticateResponse {
    pb::AuthenticateResponse {
        user_id: identity.user_id.to_string(),
        organization_id: identity.organization_id.to_string(),
        role: pb::Role::from(identity.role).into(),
        all_boards_read: identity.reads_all_boards(),
        all_boards_write: identity.writes_all_boards(),
        boards: identity
            .boards
            .into_iter()
            .map(|right| pb::BoardRight {
                board_id: right.board_id.to_string(),
                can_write: right.can_write,
            })
            .collect(),
        name: identity.name,
        scopes: identity
            .scopes
            .into_iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        good_until: encode::optional_time(identity.good_until),
    }
}

pub(crate) fn settings(settings: &Settings) -> pb::OrganizationSettings {
    pb::OrganizationSettings {
        event_retention_days: settings.event_retention_days,
        payload_retention_days: settings.payload_retention_days,
        memory_retention_days: settings.memory_retention_days,
    }
}

/// An invite; with its token only where it is made.
pub(crate) fn invite(invite: Invite, token: Option<String>) -> pb::Invite {
    pb::Invite {
        id: invite.id.to_string(),
        organization_id: invite.organization_id.to_string(),
        invited_email: invite.invited_email,
        token,
        role: pb::Role::from(invite.role).into(),
        all_boards_read: invite.grants.all_boards_read,
        all_boards_write: invite.grants.all_boards_write,
        board_access: invite.grants.boards.into_iter().map(grant).collect(),
        created_by_user_id: encode::optional_id(invite.created_by_user_id),
        accepted_by_user_id: encode::optional_id(invite.accepted_by_user_id),
        accepted_at: encode::optional_time(invite.accepted_at),
        expires_at: Some(encode::time(invite.expires_at)),
        created_at: Some(encode::time(invite.created_at)),
        updated_at: Some(encode::time(invite.updated_at)),
    }
}

fn grant(grant: Grant) -> pb::BoardAccessSpec {
    pb::BoardAccessSpec {
        board_id: grant.board_id.to_string(),
        can_read: Some(true),
        can_write: Some(grant.can_write),
    }
}

/// An API token; with its text only where it is made.
pub(crate) fn api_token(token: ApiToken, text: Option<String>) -> pb::ApiToken {
    pb::ApiToken {
        id: token.id.to_string(),
        name: token.name,
        scopes: token
            .scopes
            .into_iter()
            .map(|scope| pb::Scope::from(scope).into())
            .collect(),
        created_at: Some(encode::time(token.created_at)),
        expires_at: encode::optional_time(token.expires_at),
        last_used_at: encode::optional_time(token.last_used_at),
        token: text,
    }
}
