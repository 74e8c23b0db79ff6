//! Domain values as messages of the contract.

use chassis::encode;
use proto::org::v1 as pb;

use crate::{
    identity::Identity,
    member::{BoardAccess, Member, Profile, Role},
    organization::{Listed, Organization},
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

pub(crate) fn user(user: User) -> pb::User {
    pb::User {
        id: user.id.to_string(),
        clerk_user_id: user.clerk_user_id,
        email: user.email,
        name: user.name,
        preferred_name: user.preferred_name,
        pronouns: user.pronouns,
        timezone: user.timezone,
        notes: user.notes,
        context: user.context,
        is_super_admin: user.is_super_admin,
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
        scopes: Vec::new(),
    }
}
