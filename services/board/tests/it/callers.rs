//! Who calls.

use chassis::{
    BoardRight, Caller, Role,
    caller::{Agent, User},
};
use uuid::Uuid;

pub(crate) const ORGANIZATION: Uuid = Uuid::from_u128(0x10);
pub(crate) const FOREIGN_ORGANIZATION: Uuid = Uuid::from_u128(0x11);
pub(crate) const GATEWAY: Uuid = Uuid::from_u128(0x20);
pub(crate) const OTHER_GATEWAY: Uuid = Uuid::from_u128(0x21);
/// A gateway whose main agent is still to come.
pub(crate) const BARE_GATEWAY: Uuid = Uuid::from_u128(0x22);
pub(crate) const OWNER: Uuid = Uuid::from_u128(0x30);
pub(crate) const MEMBER: Uuid = Uuid::from_u128(0x31);
pub(crate) const LEAD: Uuid = Uuid::from_u128(0x40);
pub(crate) const WORKERS: u128 = 0x50;

/// The id of a worker.
pub(crate) const fn worker_id(number: u128) -> Uuid {
    Uuid::from_u128(WORKERS + number)
}

fn person(id: Uuid, name: &str, role: Role) -> User {
    User {
        id,
        name: name.to_owned(),
        organization_id: ORGANIZATION,
        role,
        all_boards_read: false,
        all_boards_write: false,
        boards: Vec::new(),
        scopes: Vec::new(),
    }
}

/// The owner of the organization.
pub(crate) fn owner() -> Caller {
    Caller::User(person(OWNER, "Ada", Role::Owner))
}

/// An administrator of the organization.
pub(crate) fn admin() -> Caller {
    Caller::User(person(Uuid::from_u128(0x33), "Cora", Role::Admin))
}

/// A member who may read, or write, every board.
pub(crate) fn all_boards(can_write: bool) -> Caller {
    Caller::User(User {
        all_boards_read: true,
        all_boards_write: can_write,
        ..person(Uuid::from_u128(0x34), "Dora", Role::Member)
    })
}

/// A member with a right on some boards.
pub(crate) fn member(boards: &[Uuid], can_write: bool) -> Caller {
    let boards = boards
        .iter()
        .map(|board_id| BoardRight {
            board_id: *board_id,
            can_write,
        })
        .collect();
    Caller::User(User {
        boards,
        ..person(MEMBER, "Ben", Role::Member)
    })
}

/// The owner of another organization.
pub(crate) fn stranger() -> Caller {
    let organization_id = FOREIGN_ORGANIZATION;
    Caller::User(User {
        organization_id,
        ..person(Uuid::from_u128(0x32), "Eve", Role::Owner)
    })
}

/// An agent of a board.
pub(crate) fn agent(id: Uuid, name: &str, board_id: Option<Uuid>, is_board_lead: bool) -> Caller {
    let name = name.to_owned();
    Caller::Agent(Agent {
        id,
        name,
        organization_id: ORGANIZATION,
        gateway_id: GATEWAY,
        board_id,
        is_board_lead,
    })
}

/// A component of the mesh.
pub(crate) fn internal() -> Caller {
    Caller::Internal {
        service: "approval".into(),
    }
}
