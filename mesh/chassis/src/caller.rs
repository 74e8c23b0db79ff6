//! Who is calling. The edge finds out once; every service verifies what the edge signed and judges its own rights by it.

use proto::{
    access::{Actor, Right, Rule},
    event::v1 as event,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Fault;

/// The verified caller of an RPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    User(User),
    Agent(Agent),
    /// A component of the mesh, on nobody's behalf.
    Internal {
        service: String,
    },
    Anonymous,
}

/// A person, in one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: Uuid,
    pub name: String,
    pub organization_id: Uuid,
    pub role: Role,
    pub all_boards_read: bool,
    pub all_boards_write: bool,
    pub boards: Vec<BoardRight>,
    /// What the credential is limited to; empty stands for no limit.
    pub scopes: Vec<String>,
}

/// An agent, on one board or as the main agent of its gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    pub id: Uuid,
    pub name: String,
    pub organization_id: Uuid,
    pub gateway_id: Uuid,
    pub board_id: Option<Uuid>,
    pub is_board_lead: bool,
}

/// What a member may do in the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Member,
}

/// A right on one board. Writing implies reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardRight {
    pub board_id: Uuid,
    pub can_write: bool,
}

/// What rights on a board hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardScope {
    pub organization_id: Uuid,
    pub board_id: Uuid,
    pub gateway_id: Option<Uuid>,
}

impl Caller {
    /// The caller of a request that passed the guard.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| tonic::Status::unauthenticated("the request carries no caller"))
    }

    /// The organization in which the caller acts.
    pub fn organization_id(&self) -> Option<Uuid> {
        match self {
            Self::User(user) => Some(user.organization_id),
            Self::Agent(agent) => Some(agent.organization_id),
            Self::Internal { .. } | Self::Anonymous => None,
        }
    }

    /// Whether the caller is a person who administers the organization.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::User(user) if user.role != Role::Member)
    }

    /// Whether an RPC that admits these kinds of caller admits this one.
    pub fn admitted_by(&self, allowed: &[Actor]) -> bool {
        allowed.iter().any(|actor| match actor {
            Actor::Public => true,
            Actor::User => matches!(self, Self::User(_)),
            Actor::OrgAdmin => self.is_admin(),
            Actor::Lead => {
                matches!(self, Self::Agent(a) if a.board_id.is_some() && a.is_board_lead)
            }
            Actor::Worker => {
                matches!(self, Self::Agent(a) if a.board_id.is_some() && !a.is_board_lead)
            }
            Actor::GatewayMain => matches!(self, Self::Agent(a) if a.board_id.is_none()),
            Actor::Internal => matches!(self, Self::Internal { .. }),
        })
    }

    /// Judges what can be judged without knowing the thing: the kind of caller, the role in the organization, and the scope
    /// of a limited credential. Rights on a board are for the service that owns it.
    ///
    /// # Errors
    /// 401 `unauthenticated`, 403 `caller_not_admitted`, `admin_required`, `owner_required`, `scope_missing`.
    pub fn passes(&self, rule: &Rule) -> Result<(), Fault> {
        if !self.admitted_by(&rule.allow) {
            return Err(match self {
                Self::Anonymous => {
                    Fault::unauthenticated("UNAUTHENTICATED", "a credential is required")
                }
                Self::User(_) if rule.allow.contains(&Actor::OrgAdmin) => Fault::forbidden(
                    "ADMIN_REQUIRED",
                    "only owners and admins of the organization may do this",
                ),
                _ => Fault::forbidden(
                    "CALLER_NOT_ADMITTED",
                    "this kind of caller may not call this method",
                ),
            });
        }
        let Self::User(user) = self else {
            return Ok(());
        };
        match rule.needs {
            None => {
                let message = "the contract does not say what this needs";
                Err(Fault::forbidden("CALLER_NOT_ADMITTED", message))
            }
            Some(Right::Owner) if user.role != Role::Owner => {
                let message = "only owners of the organization may do this";
                Err(Fault::forbidden("OWNER_REQUIRED", message))
            }
            Some(_) if !rule.scope.granted_by(&user.scopes) => {
                let message = format!("the credential lacks the scope `{}`", rule.scope.word());
                Err(Fault::forbidden("SCOPE_MISSING", message))
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether the caller may read the board. What it may not read does not exist for it: 404.
    pub fn sees(&self, board: &BoardScope) -> bool {
        match self {
            Self::User(user) => user.reads(board),
            Self::Agent(agent) => agent.reaches(board),
            Self::Internal { .. } => true,
            Self::Anonymous => false,
        }
    }

    /// Whether the caller may change what is on the board.
    pub fn writes(&self, board: &BoardScope) -> bool {
        match self {
            Self::User(user) => user.writes(board),
            Self::Agent(agent) => agent.reaches(board),
            Self::Internal { .. } => true,
            Self::Anonymous => false,
        }
    }

    /// The caller as the doer in an event.
    pub fn event_actor(&self) -> event::Actor {
        let (kind, id, name) = match self {
            Self::User(user) => (event::ActorKind::User, Some(user.id), user.name.as_str()),
            Self::Agent(agent) => (event::ActorKind::Agent, Some(agent.id), agent.name.as_str()),
            Self::Internal { .. } | Self::Anonymous => {
                (event::ActorKind::System, None, "Mission Control")
            }
        };
        event::Actor {
            kind: kind.into(),
            id: id.map(|id| id.to_string()),
            name: name.to_owned(),
        }
    }
}

impl User {
    fn in_organization(&self, board: &BoardScope) -> bool {
        self.organization_id == board.organization_id
    }

    fn right(&self, board: &BoardScope) -> Option<&BoardRight> {
        self.boards
            .iter()
            .find(|right| right.board_id == board.board_id)
    }

    fn reads(&self, board: &BoardScope) -> bool {
        self.in_organization(board)
            && (self.role != Role::Member
                || self.all_boards_read
                || self.all_boards_write
                || self.right(board).is_some())
    }

    fn writes(&self, board: &BoardScope) -> bool {
        self.in_organization(board)
            && (self.role != Role::Member
                || self.all_boards_write
                || self.right(board).is_some_and(|right| right.can_write))
    }
}

impl Agent {
    fn reaches(&self, board: &BoardScope) -> bool {
        self.organization_id == board.organization_id
            && match self.board_id {
                Some(own) => own == board.board_id,
                None => board.gateway_id == Some(self.gateway_id),
            }
    }
}

/// The doer in events that nobody caused.
pub fn system_actor() -> event::Actor {
    Caller::Anonymous.event_actor()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> BoardScope {
        BoardScope {
            organization_id: Uuid::from_u128(1),
            board_id: Uuid::from_u128(2),
            gateway_id: Some(Uuid::from_u128(3)),
        }
    }

    fn user(role: Role) -> User {
        User {
            id: Uuid::from_u128(9),
            name: "Ada".into(),
            organization_id: Uuid::from_u128(1),
            role,
            all_boards_read: false,
            all_boards_write: false,
            boards: Vec::new(),
            scopes: Vec::new(),
        }
    }

    #[test]
    fn owners_and_admins_see_and_write_every_board_of_their_organization() {
        for role in [Role::Owner, Role::Admin] {
            assert!(Caller::User(user(role)).writes(&board()));
        }
        let foreign = BoardScope {
            organization_id: Uuid::from_u128(7),
            ..board()
        };
        assert!(!Caller::User(user(Role::Owner)).sees(&foreign));
    }

    #[test]
    fn a_member_has_only_what_was_granted() {
        let mut member = user(Role::Member);
        assert!(!Caller::User(member.clone()).sees(&board()));
        member.boards.push(BoardRight {
            board_id: board().board_id,
            can_write: false,
        });
        let member = Caller::User(member);
        assert!(member.sees(&board()) && !member.writes(&board()));
    }

    #[test]
    fn a_rule_is_judged_by_kind_role_and_scope() {
        let refused = |caller: &Caller, path: &str| {
            let rule = proto::access::rule(path).unwrap();
            caller.passes(rule).err().map(|fault| fault.rest_code())
        };
        let delete = "/mission.org.v1.OrganizationService/DeleteOrganization";
        let create = "/mission.board.v1.BoardService/CreateBoard";
        let list = "/mission.board.v1.BoardService/ListBoards";
        let by = |role, scopes: &[&str]| {
            Caller::User(User {
                scopes: scopes.iter().map(|word| (*word).to_owned()).collect(),
                ..user(role)
            })
        };
        assert_eq!(refused(&by(Role::Owner, &[]), delete), None);
        assert_eq!(
            refused(&by(Role::Admin, &[]), delete).as_deref(),
            Some("owner_required")
        );
        assert_eq!(
            refused(&by(Role::Member, &[]), create).as_deref(),
            Some("admin_required")
        );
        assert_eq!(
            refused(&by(Role::Admin, &["write"]), create).as_deref(),
            Some("scope_missing")
        );
        assert_eq!(refused(&by(Role::Member, &["read"]), list), None);
        assert_eq!(
            refused(&Caller::Anonymous, list).as_deref(),
            Some("unauthenticated")
        );
    }

    #[test]
    fn a_main_agent_reaches_only_boards_of_its_gateway() {
        let mut agent = Agent {
            id: Uuid::from_u128(5),
            name: "Main".into(),
            organization_id: Uuid::from_u128(1),
            gateway_id: Uuid::from_u128(3),
            board_id: None,
            is_board_lead: false,
        };
        assert!(Caller::Agent(agent.clone()).sees(&board()));
        agent.gateway_id = Uuid::from_u128(4);
        assert!(!Caller::Agent(agent).sees(&board()));
    }
}
