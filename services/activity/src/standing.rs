//! What is told of a viewer while it watches, and what that leaves of its rights.

use chassis::{
    BoardRight, Caller, Role,
    caller::{Agent, User},
};
use proto::{
    agent::v1::Agent as WireAgent,
    event::v1::{Event, event::Payload},
    org::v1::{Member, Role as WireRole},
};
use uuid::Uuid;

use crate::{filter::Pattern, viewer::Viewer};

/// What an event leaves of a viewer's rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Same,
    /// Other rights than at connect time: these.
    Changed(Viewer),
    /// The credential may no longer stand for what it did at connect time.
    Doubtful,
    Ended,
}

/// Fields of an agent that decide what it sees.
const MOVES_RIGHTS: [&str; 3] = ["board_id", "gateway_id", "is_board_lead"];

/// Types of the events that [`Viewer::after`] looks at.
pub(crate) fn types() -> Vec<Pattern> {
    let exact = [
        "organization.deleted",
        "user.active_organization_changed",
        "user.deleted",
        "member.role_changed",
        "member.access_changed",
        "member.removed",
        "invite.accepted",
        "api_token.revoked",
        "agent.token_changed",
        "agent.updated",
        "agent.deleted",
        "gateway.deleted",
    ];
    exact.map(|kind| Pattern::Exact(kind.to_owned())).to_vec()
}

impl Viewer {
    /// What an event leaves of this viewer's rights.
    pub(crate) fn after(&self, event: &Event) -> Standing {
        let Some(payload) = &event.payload else {
            return Standing::Same;
        };
        let here = self.0.organization_id().map(|id| id.to_string())
            == Some(event.organization_id.clone());
        if matches!(payload, Payload::OrganizationDeleted(_)) && here {
            return Standing::Ended;
        }
        match &self.0 {
            Caller::User(user) => person_after(user, payload, here),
            Caller::Agent(agent) => agent_after(agent, payload),
            Caller::Internal { .. } | Caller::Anonymous => Standing::Same,
        }
    }
}

fn person_after(user: &User, payload: &Payload, here: bool) -> Standing {
    let me = user.id.to_string();
    let is_me = |member: &Option<Member>| {
        here && member.as_ref().is_some_and(|member| member.user_id == me)
    };
    let now = |changed: User| {
        if changed == *user {
            Standing::Same
        } else {
            Standing::Changed(Viewer(Caller::User(changed)))
        }
    };
    match payload {
        Payload::UserDeleted(p) if p.user_id == me => Standing::Ended,
        Payload::MemberRemoved(p) if is_me(&p.member) => Standing::Ended,
        Payload::MemberRoleChanged(p) if is_me(&p.member) => {
            let role = match p.to() {
                WireRole::Owner => Role::Owner,
                WireRole::Admin => Role::Admin,
                WireRole::Member | WireRole::Unspecified => Role::Member,
            };
            now(User {
                role,
                ..user.clone()
            })
        }
        Payload::MemberAccessChanged(p) if is_me(&p.member) => match &p.member {
            Some(member) => now(granted(user, member)),
            None => Standing::Same,
        },
        Payload::InviteAccepted(p) if is_me(&p.member) => Standing::Doubtful,
        Payload::ActiveOrganizationChanged(p) if p.user_id == me => Standing::Doubtful,
        Payload::ApiTokenRevoked(p) if p.user_id == me => Standing::Doubtful,
        _ => Standing::Same,
    }
}

/// The person with the grants of a membership. Grants that are the same keep their order.
fn granted(user: &User, member: &Member) -> User {
    let mut boards: Vec<BoardRight> = member
        .board_access
        .iter()
        .filter(|access| access.can_read || access.can_write)
        .filter_map(|access| {
            Some(BoardRight {
                board_id: Uuid::try_parse(&access.board_id).ok()?,
                can_write: access.can_write,
            })
        })
        .collect();
    let same =
        boards.len() == user.boards.len() && boards.iter().all(|right| user.boards.contains(right));
    if same {
        boards.clone_from(&user.boards);
    }
    User {
        all_boards_read: member.all_boards_read,
        all_boards_write: member.all_boards_write,
        boards,
        ..user.clone()
    }
}

fn agent_after(agent: &Agent, payload: &Payload) -> Standing {
    let me = agent.id.to_string();
    let is_me = |other: &Option<WireAgent>| other.as_ref().is_some_and(|other| other.id == me);
    match payload {
        Payload::AgentTokenChanged(p) if p.agent_id == me => Standing::Doubtful,
        Payload::AgentUpdated(p)
            if is_me(&p.agent)
                && p.changed_fields
                    .iter()
                    .any(|field| MOVES_RIGHTS.contains(&field.as_str())) =>
        {
            Standing::Doubtful
        }
        Payload::AgentDeleted(p) if is_me(&p.agent) => Standing::Ended,
        Payload::GatewayDeleted(p)
            if p.gateway
                .as_ref()
                .is_some_and(|gateway| gateway.id == agent.gateway_id.to_string()) =>
        {
            Standing::Ended
        }
        _ => Standing::Same,
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        event::v1::{MemberAccessChanged, MemberRemoved, MemberRoleChanged, OrganizationDeleted},
        org::v1::BoardAccess,
    };

    use super::*;

    fn user(role: Role) -> Viewer {
        Viewer(Caller::User(User {
            id: Uuid::from_u128(5),
            name: "Ann".into(),
            organization_id: Uuid::from_u128(1),
            role,
            all_boards_read: false,
            all_boards_write: false,
            boards: vec![BoardRight {
                board_id: Uuid::from_u128(2),
                can_write: false,
            }],
            scopes: Vec::new(),
        }))
    }

    fn agent() -> Viewer {
        Viewer(Caller::Agent(Agent {
            id: Uuid::from_u128(6),
            name: "Bot".into(),
            organization_id: Uuid::from_u128(1),
            gateway_id: Uuid::from_u128(8),
            board_id: Some(Uuid::from_u128(2)),
            is_board_lead: false,
        }))
    }

    fn told(organization: u128, payload: Payload) -> Event {
        Event {
            organization_id: Uuid::from_u128(organization).to_string(),
            payload: Some(payload),
            ..Event::default()
        }
    }

    fn member(user: u128, boards: &[u128]) -> Option<Member> {
        Some(Member {
            user_id: Uuid::from_u128(user).to_string(),
            board_access: boards
                .iter()
                .map(|id| BoardAccess {
                    board_id: Uuid::from_u128(*id).to_string(),
                    can_read: true,
                    ..BoardAccess::default()
                })
                .collect(),
            ..Member::default()
        })
    }

    #[test]
    fn rights_follow_what_is_told_of_their_owner_and_of_nobody_else() {
        let ann = user(Role::Member);
        let access = |organization, user, boards: &[u128]| {
            let member = member(user, boards);
            let changed = MemberAccessChanged { member };
            ann.after(&told(organization, Payload::MemberAccessChanged(changed)))
        };
        assert_eq!(access(1, 5, &[2]), Standing::Same);
        assert_eq!(access(1, 6, &[]), Standing::Same);
        assert_eq!(access(9, 5, &[]), Standing::Same);
        let Standing::Changed(without) = access(1, 5, &[]) else {
            panic!("it was taken away")
        };
        assert_eq!(without.boards(), Some(vec![]));

        let removed = |user| {
            let member = member(user, &[]);
            let reason = "removed".to_owned();
            let removed = MemberRemoved { member, reason };
            ann.after(&told(1, Payload::MemberRemoved(removed)))
        };
        assert_eq!((removed(5), removed(6)), (Standing::Ended, Standing::Same));
        let promoted = MemberRoleChanged {
            member: member(5, &[]),
            from: WireRole::Member.into(),
            to: WireRole::Admin.into(),
        };
        assert_eq!(
            ann.after(&told(1, Payload::MemberRoleChanged(promoted))),
            Standing::Changed(user(Role::Admin))
        );
        let deleted = |organization| {
            let deleted = OrganizationDeleted::default();
            told(organization, Payload::OrganizationDeleted(deleted))
        };
        assert_eq!(ann.after(&deleted(1)), Standing::Ended);
        assert_eq!(ann.after(&deleted(9)), Standing::Same);
        assert_eq!(agent().after(&deleted(1)), Standing::Ended);
    }
}
