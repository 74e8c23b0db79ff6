//! Who looks, and what of the log is theirs to see.

use chassis::{BoardScope, Caller, Role};
use proto::event::v1::{Event, event::Payload};
use uuid::Uuid;

use crate::feed::Item;

/// A caller as a reader of the log.
#[derive(Clone, Debug)]
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
}

impl Viewer {
    /// Whether an event of the feed is for this viewer: events of boards that it reads; events without a board for admins of
    /// the organization, and for the agent that they concern.
    pub(crate) fn sees(&self, item: &Item) -> bool {
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
        }
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

    /// Whether the event says that the caller's credential may no longer stand for what it did at connect time.
    pub(crate) fn is_changed_by(&self, event: &Event) -> bool {
        match (&self.0, &event.payload) {
            (Caller::User(user), Some(Payload::ActiveOrganizationChanged(changed))) => {
                changed.user_id == user.id.to_string()
            }
            (Caller::Agent(agent), Some(Payload::AgentTokenChanged(changed))) => {
                changed.agent_id == agent.id.to_string()
            }
            (Caller::Agent(agent), Some(Payload::AgentUpdated(changed))) => {
                changed
                    .agent
                    .as_ref()
                    .is_some_and(|changed| changed.id == agent.id.to_string())
                    && changed
                        .changed_fields
                        .iter()
                        .any(|field| MOVES_RIGHTS.contains(&field.as_str()))
            }
            _ => false,
        }
    }
}

/// Fields of an agent that decide what it sees.
const MOVES_RIGHTS: [&str; 3] = ["board_id", "gateway_id", "is_board_lead"];

/// Takes out of an event what only admins read: why an agent failed.
pub(crate) fn redact(event: &mut Event) {
    let agent = match &mut event.payload {
        Some(Payload::AgentCreated(p)) => &mut p.agent,
        Some(Payload::AgentUpdated(p)) => &mut p.agent,
        Some(Payload::AgentProvisioned(p)) => &mut p.agent,
        Some(Payload::AgentCheckedIn(p)) => &mut p.agent,
        Some(Payload::AgentProvisionFailed(p)) => {
            p.reason.clear();
            &mut p.agent
        }
        _ => return,
    };
    if let Some(agent) = agent {
        agent.last_error = None;
    }
}

/// The same of a rendered payload.
pub(crate) fn redact_json(payload: &mut serde_json::Value) {
    if let Some(error) = payload.pointer_mut("/agent/last_error") {
        *error = serde_json::Value::Null;
        if let Some(reason) = payload.get_mut("reason") {
            *reason = serde_json::Value::String(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chassis::caller::{Agent, User};

    use super::*;

    fn item(board: Option<u128>, agent: Option<u128>) -> Item {
        Item {
            sequence: 1,
            organization_id: Uuid::from_u128(1),
            board_id: board.map(Uuid::from_u128),
            gateway_id: board.map(|_| Uuid::from_u128(8)),
            task_id: None,
            agent_id: agent.map(Uuid::from_u128),
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
}
