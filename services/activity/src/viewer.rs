//! Who looks, and what of the log is theirs to see.

use std::collections::HashSet;

use chassis::{BoardScope, Caller, Role};
use proto::event::v1::event::Payload;
use uuid::Uuid;

use crate::feed::Item;

/// A caller as a reader of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewer(pub(crate) Caller);

/// The same rights as conditions of a statement. Each that is absent admits all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) organization_id: Option<Uuid>,
    pub(crate) boards: Option<Vec<Uuid>>,
    /// Whether events without a board are among them.
    pub(crate) boardless: bool,
    /// Only what this agent did or what concerns it.
    pub(crate) own: Option<Uuid>,
    /// Whether events of boards that are gone are among them.
    pub(crate) deleted: bool,
}

impl Viewer {
    /// Whether an event of the feed is for this viewer: events of boards that it reads; events without a board for admins of
    /// the organization, and for the agent that they concern. What happened on a board that is gone is for admins, but that it
    /// is gone is for everybody who read it.
    pub(crate) fn sees(&self, item: &Item) -> bool {
        if item.board_deleted
            && !self.sees_deleted()
            && !matches!(item.event.payload, Some(Payload::BoardDeleted(_)))
        {
            return false;
        }
        let in_organization = self.0.organization_id() == Some(item.organization_id);
        match (&self.0, item.board_id) {
            (Caller::Internal { .. }, _) => true,
            (caller, Some(board_id)) => caller.sees(&BoardScope {
                organization_id: item.organization_id,
                board_id,
                gateway_id: item.gateway_id,
            }),
            (Caller::User(_), None) => in_organization && self.0.is_admin(),
            (Caller::Agent(agent), None) => in_organization && item.agent_id == Some(agent.id),
            (Caller::Anonymous, None) => false,
        }
    }

    /// What a list shows to this viewer: the same to a person, its own events to an agent.
    pub(crate) fn reach(&self) -> Reach {
        Reach {
            organization_id: self.0.organization_id(),
            boards: self.boards(),
            boardless: !matches!(&self.0, Caller::User(_)) || self.0.is_admin(),
            own: match &self.0 {
                Caller::Agent(agent) => Some(agent.id),
                Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => None,
            },
            // An agent lists nothing but its own.
            deleted: self.sees_deleted() || matches!(self.0, Caller::Agent(_)),
        }
    }

    /// Whether what happened on a board that is gone is for this viewer.
    pub(crate) fn sees_deleted(&self) -> bool {
        self.0.is_admin() || matches!(self.0, Caller::Internal { .. })
    }

    /// Whether a person sees a group that holds these boards: whoever reads one of them; a group without boards is for
    /// whoever reads them all.
    pub(crate) fn sees_group(&self, organization_id: Uuid, boards: &HashSet<Uuid>) -> bool {
        self.0.organization_id() == Some(organization_id)
            && matches!(&self.0, Caller::User(user)
                if user.role != Role::Member
                    || user.all_boards_read
                    || user.all_boards_write
                    || user.boards.iter().any(|right| boards.contains(&right.board_id)))
    }

    /// The boards that a person reads; `None` stands for all of the organization.
    pub(crate) fn boards(&self) -> Option<Vec<Uuid>> {
        match &self.0 {
            Caller::User(user)
                if user.role == Role::Member && !user.all_boards_read && !user.all_boards_write =>
            {
                Some(user.boards.iter().map(|right| right.board_id).collect())
            }
            Caller::User(_) | Caller::Agent(_) | Caller::Internal { .. } | Caller::Anonymous => {
                None
            }
        }
    }

    /// Whether failures of agents are told with their reasons.
    pub(crate) fn reads_reasons(&self) -> bool {
        self.0.is_admin() || matches!(self.0, Caller::Internal { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chassis::caller::{Agent, User};
    use chrono::DateTime;
    use proto::event::v1::{BoardDeleted, Event};

    use super::*;

    fn item(board: Option<u128>, agent: Option<u128>) -> Item {
        Item {
            sequence: 1,
            organization_id: Uuid::from_u128(1),
            board_id: board.map(Uuid::from_u128),
            gateway_id: board.map(|_| Uuid::from_u128(8)),
            board_deleted: false,
            task_id: None,
            agent_id: agent.map(Uuid::from_u128),
            actor_id: None,
            actor_role: None,
            occurred_at: DateTime::UNIX_EPOCH,
            event: Arc::new(Event::default()),
        }
    }

    fn user(organization: u128, role: Role) -> Viewer {
        Viewer(Caller::User(User {
            id: Uuid::from_u128(5),
            name: "Ann".into(),
            organization_id: Uuid::from_u128(organization),
            role,
            all_boards_read: false,
            all_boards_write: false,
            boards: vec![chassis::BoardRight {
                board_id: Uuid::from_u128(2),
                can_write: false,
            }],
            scopes: Vec::new(),
        }))
    }

    fn agent(board: Option<u128>) -> Viewer {
        Viewer(Caller::Agent(Agent {
            id: Uuid::from_u128(6),
            name: "Bot".into(),
            organization_id: Uuid::from_u128(1),
            gateway_id: Uuid::from_u128(8),
            board_id: board.map(Uuid::from_u128),
            is_board_lead: false,
        }))
    }

    #[test]
    fn each_viewer_sees_what_is_theirs() {
        let (own, other, boardless) = (
            item(Some(2), None),
            item(Some(3), None),
            item(None, Some(6)),
        );
        let seen = |viewer: &Viewer| [&own, &other, &boardless].map(|item| viewer.sees(item));
        assert_eq!(seen(&user(1, Role::Member)), [true, false, false]);
        assert_eq!(seen(&user(1, Role::Admin)), [true, true, true]);
        assert_eq!(seen(&user(9, Role::Owner)), [false, false, false]);
        assert_eq!(seen(&agent(Some(3))), [false, true, true]);
        assert_eq!(seen(&agent(None)), [true, true, true]);
        assert_eq!(
            seen(&Viewer(Caller::Internal {
                service: "x".into()
            })),
            [true, true, true]
        );
        assert_eq!(seen(&Viewer(Caller::Anonymous)), [false, false, false]);
    }

    #[test]
    fn what_happened_on_a_board_that_is_gone_is_for_admins() {
        let gone = Item {
            board_deleted: true,
            ..item(Some(2), None)
        };
        let farewell = Item {
            event: Arc::new(Event {
                payload: Some(Payload::BoardDeleted(BoardDeleted::default())),
                ..Event::default()
            }),
            ..gone.clone()
        };
        let seen = |viewer: &Viewer| [&gone, &farewell].map(|item| viewer.sees(item));
        assert_eq!(seen(&user(1, Role::Member)), [false, true]);
        assert_eq!(seen(&agent(Some(2))), [false, true]);
        assert_eq!(seen(&user(1, Role::Admin)), [true, true]);
        assert_eq!(seen(&user(9, Role::Admin)), [false, false]);
    }

    #[test]
    fn a_group_is_seen_by_whoever_reads_a_board_of_it() {
        let (full, empty) = (HashSet::from([Uuid::from_u128(2)]), HashSet::new());
        let seen = |viewer: &Viewer| {
            [&full, &empty].map(|boards| viewer.sees_group(Uuid::from_u128(1), boards))
        };
        assert_eq!(seen(&user(1, Role::Member)), [true, false]);
        assert_eq!(seen(&user(1, Role::Admin)), [true, true]);
        assert_eq!(seen(&user(9, Role::Owner)), [false, false]);
        assert_eq!(seen(&agent(Some(2))), [false, false]);
        let other = HashSet::from([Uuid::from_u128(3)]);
        assert!(!user(1, Role::Member).sees_group(Uuid::from_u128(1), &other));
    }
}
