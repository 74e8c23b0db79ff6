//! What a credential stands for.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{api_token::Scope, member::Role};

/// A person in the organization in which they act now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub user_id: Uuid,
    /// What others see as the author of what the person does.
    pub name: String,
    pub organization_id: Uuid,
    pub role: Role,
    /// As granted; the role may open every board on top of it.
    pub all_boards_read: bool,
    pub all_boards_write: bool,
    pub boards: Vec<BoardRight>,
    /// What the credential is limited to; empty stands for no limit.
    pub scopes: Vec<Scope>,
    /// When whoever remembers this has to ask again; `None` stands for: when an event says so.
    pub good_until: Option<DateTime<Utc>>,
}

/// A right on one board, without its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoardRight {
    pub board_id: Uuid,
    pub can_write: bool,
}

impl Identity {
    /// Whether the person reads every board of the organization. Writing implies reading.
    pub(crate) fn reads_all_boards(&self) -> bool {
        self.role.implies_all_boards() || self.all_boards_read || self.all_boards_write
    }

    /// Whether the person writes every board of the organization.
    pub(crate) fn writes_all_boards(&self) -> bool {
        self.role.implies_all_boards() || self.all_boards_write
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: Role, read: bool, write: bool) -> Identity {
        Identity {
            user_id: Uuid::nil(),
            name: "Sam".into(),
            organization_id: Uuid::nil(),
            role,
            all_boards_read: read,
            all_boards_write: write,
            boards: vec![],
            scopes: vec![],
            good_until: None,
        }
    }

    #[test]
    fn owners_and_admins_open_every_board_and_members_what_they_were_granted() {
        for (role, read, write, reads, writes) in [
            (Role::Owner, false, false, true, true),
            (Role::Admin, false, false, true, true),
            (Role::Member, false, false, false, false),
            (Role::Member, true, false, true, false),
            (Role::Member, true, true, true, true),
        ] {
            let identity = identity(role, read, write);
            assert_eq!(identity.reads_all_boards(), reads, "{identity:?}");
            assert_eq!(identity.writes_all_boards(), writes, "{identity:?}");
        }
    }
}
