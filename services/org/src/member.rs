//! Membership: which person may do what in which organization.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invite::Invite;

/// What a member may do in an organization. Owners and admins see and write every board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Owner,
    Admin,
    Member,
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    pub(crate) fn parse(role: &str) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::Member]
            .into_iter()
            .find(|known| known.as_str() == role)
    }

    /// The higher of two roles.
    pub(crate) fn raised_to(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Owner => 2,
            Self::Admin => 1,
            Self::Member => 0,
        }
    }

    /// Whether the role alone opens every board of the organization.
    pub(crate) const fn implies_all_boards(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// A person's membership of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub user_id: Uuid,
    pub role: Role,
    pub all_boards_read: bool,
    pub all_boards_write: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Member {
    /// The owner of an organization about to be created.
    pub(crate) fn owner(organization_id: Uuid, user_id: Uuid, at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            organization_id,
            user_id,
            role: Role::Owner,
            all_boards_read: true,
            all_boards_write: true,
            created_at: at,
            updated_at: at,
        }
    }

    /// The member that an invited person becomes.
    pub(crate) fn invited(invite: &Invite, user_id: Uuid, at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            organization_id: invite.organization_id,
            user_id,
            role: invite.role,
            all_boards_read: invite.grants.all_boards_read,
            all_boards_write: invite.grants.all_boards_write,
            created_at: at,
            updated_at: at,
        }
    }
}

/// The person behind a membership, as other members see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub email: Option<String>,
    pub name: Option<String>,
    pub preferred_name: Option<String>,
}

/// A right of a member on one board. Writing implies reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardAccess {
    pub id: Uuid,
    pub board_id: Uuid,
    pub can_read: bool,
    pub can_write: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where a member stands in the list of members: by lower-cased email, then name, then id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position(pub String, pub String, pub Uuid);

impl Position {
    /// The position as an opaque page token.
    pub(crate) fn to_token(&self) -> String {
        let json = serde_json::to_vec(self).expect("two strings and an id are JSON");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads a page token; `None` when it is not one of ours.
    pub(crate) fn from_token(token: &str) -> Option<Self> {
        let json = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let position: Self = serde_json::from_slice(&json).ok()?;
        let storable = !position.0.contains('\0') && !position.1.contains('\0');
        storable.then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_back_from_its_word() {
        for role in [Role::Owner, Role::Admin, Role::Member] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("Owner"), None);
        assert!(Role::Admin.implies_all_boards() && !Role::Member.implies_all_boards());
    }

    #[test]
    fn a_role_is_raised_and_never_lowered() {
        use Role::{Admin, Member, Owner};
        for (from, to, expected) in [
            (Member, Admin, Admin),
            (Admin, Member, Admin),
            (Owner, Admin, Owner),
            (Admin, Owner, Owner),
            (Member, Member, Member),
        ] {
            assert_eq!(from.raised_to(to), expected);
        }
    }

    #[test]
    fn a_position_survives_its_token_and_a_forged_one_is_refused() {
        let position = Position("a@b.c".into(), "zoë".into(), Uuid::now_v7());
        assert_eq!(Position::from_token(&position.to_token()), Some(position));
        assert_eq!(Position::from_token("garbage"), None);
        assert_eq!(Position::from_token(""), None);
        let nul = Position("a\0".into(), String::new(), Uuid::nil());
        assert_eq!(Position::from_token(&nul.to_token()), None);
    }
}
