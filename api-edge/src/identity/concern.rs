//! Whom and what an event concerns, as far as rights go.

use chassis::Caller;
use proto::event::v1::{Event, event::Payload};
use uuid::Uuid;

/// Callers who may be other than they are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Concerned {
    Person(Uuid),
    Agent(Uuid),
    Organization(Uuid),
    Everybody,
}

/// What makes open streams look again whether they may stay open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stir {
    /// These callers may be others by now.
    Callers(Concerned),
    /// This board, group or gateway may be gone, or out of sight for who saw it.
    Thing(Uuid),
}

impl Concerned {
    pub(crate) fn is(&self, caller: &Caller) -> bool {
        match (self, caller) {
            (Self::Everybody, _) => true,
            (Self::Person(id), Caller::User(user)) => user.id == *id,
            (Self::Agent(id), Caller::Agent(agent)) => agent.id == *id,
            (Self::Organization(id), caller) => caller.organization_id() == Some(*id),
            (Self::Person(_) | Self::Agent(_), _) => false,
        }
    }
}

/// The consequences of an event. Of one that names nobody, for the organization; of one that names none, for everybody.
pub(super) fn stirs(event: &Event) -> Vec<Stir> {
    match &event.payload {
        Some(Payload::BoardDeleted(deleted)) => {
            things([deleted.board.as_ref().map(|board| board.id.as_str())])
        }
        Some(Payload::BoardUpdated(updated)) => {
            let left = updated
                .left_group
                .as_ref()
                .and_then(|moved| moved.group.as_ref());
            things([left.map(|group| group.id.as_str())])
        }
        Some(Payload::BoardGroupDeleted(deleted)) => {
            things([deleted.group.as_ref().map(|group| group.id.as_str())])
        }
        Some(Payload::GatewayDeleted(deleted)) => {
            things([deleted.gateway.as_ref().map(|gateway| gateway.id.as_str())])
        }
        _ => vec![Stir::Callers(concerned(event))],
    }
}

fn things<const N: usize>(ids: [Option<&str>; N]) -> Vec<Stir> {
    ids.into_iter()
        .flatten()
        .filter_map(|text| id(text).map(Stir::Thing))
        .collect()
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}

fn concerned(event: &Event) -> Concerned {
    let person = |text: &str| id(text).map(Concerned::Person);
    let member = |member: &Option<proto::org::v1::Member>| {
        member.as_ref().and_then(|member| person(&member.user_id))
    };
    let one = match &event.payload {
        Some(Payload::ActiveOrganizationChanged(p)) => person(&p.user_id),
        Some(Payload::UserCreated(p)) => p.user.as_ref().and_then(|user| person(&user.id)),
        Some(Payload::UserUpdated(p)) => person(&p.user_id),
        Some(Payload::UserDeleted(p)) => person(&p.user_id),
        Some(Payload::MemberAdded(p)) => member(&p.member),
        Some(Payload::MemberRoleChanged(p)) => member(&p.member),
        Some(Payload::MemberAccessChanged(p)) => member(&p.member),
        Some(Payload::MemberRemoved(p)) => member(&p.member),
        Some(Payload::InviteAccepted(p)) => member(&p.member),
        Some(Payload::ApiTokenCreated(p)) => person(&p.user_id),
        Some(Payload::ApiTokenRevoked(p)) => person(&p.user_id),
        Some(Payload::AgentTokenChanged(p)) => id(&p.agent_id).map(Concerned::Agent),
        Some(Payload::AgentUpdated(p)) => p
            .agent
            .as_ref()
            .and_then(|agent| id(&agent.id).map(Concerned::Agent)),
        _ if event.r#type.starts_with("agent.") => {
            event.agent_id.as_deref().and_then(id).map(Concerned::Agent)
        }
        _ => None,
    };
    one.or_else(|| id(&event.organization_id).map(Concerned::Organization))
        .unwrap_or(Concerned::Everybody)
}

#[cfg(test)]
mod tests {
    use proto::{
        board::v1::{Board, BoardGroup},
        event::v1::{
            ActiveOrganizationChanged, AgentTokenChanged, BoardDeleted, BoardUpdated, GroupMove,
            MemberRemoved,
        },
        org::v1::Member,
    };

    use super::*;

    fn of(payload: Option<Payload>) -> Vec<Stir> {
        stirs(&Event {
            organization_id: Uuid::from_u128(1).to_string(),
            payload,
            ..Event::default()
        })
    }

    #[test]
    fn an_event_concerns_whom_it_names_else_the_organization_else_everybody() {
        let one = |concerned| vec![Stir::Callers(concerned)];
        assert_eq!(stirs(&Event::default()), one(Concerned::Everybody));
        assert_eq!(of(None), one(Concerned::Organization(Uuid::from_u128(1))));
        let person = Uuid::from_u128(2);
        let switched = ActiveOrganizationChanged {
            user_id: person.to_string(),
        };
        assert_eq!(
            of(Some(Payload::ActiveOrganizationChanged(switched))),
            one(Concerned::Person(person))
        );
        let removed = MemberRemoved {
            member: Some(Member {
                user_id: person.to_string(),
                ..Member::default()
            }),
            reason: "removed".into(),
        };
        assert_eq!(
            of(Some(Payload::MemberRemoved(removed))),
            one(Concerned::Person(person))
        );
        let agent = Uuid::from_u128(3);
        let changed = AgentTokenChanged {
            agent_id: agent.to_string(),
        };
        assert_eq!(
            of(Some(Payload::AgentTokenChanged(changed))),
            one(Concerned::Agent(agent))
        );
    }

    #[test]
    fn a_board_that_goes_or_moves_concerns_those_who_look_at_it() {
        let (board, group) = (Uuid::from_u128(4), Uuid::from_u128(5));
        let deleted = BoardDeleted {
            board: Some(Board {
                id: board.to_string(),
                ..Board::default()
            }),
            force: false,
        };
        assert_eq!(
            of(Some(Payload::BoardDeleted(deleted))),
            [Stir::Thing(board)]
        );
        let moved = BoardUpdated {
            left_group: Some(GroupMove {
                group: Some(BoardGroup {
                    id: group.to_string(),
                    ..BoardGroup::default()
                }),
                boards: Vec::new(),
            }),
            ..BoardUpdated::default()
        };
        assert_eq!(of(Some(Payload::BoardUpdated(moved))), [Stir::Thing(group)]);
        assert_eq!(of(Some(Payload::BoardUpdated(BoardUpdated::default()))), []);
    }
}
