//! Which boards a caller may read, as a filter over rows. Says of many boards what [`Caller::sees`] says of one.

use chassis::{Caller, Role};
use uuid::Uuid;

/// The boards of one organization that a caller may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    pub(crate) organization_id: Uuid,
    /// Only these; none stands for all.
    pub(crate) boards: Option<Vec<Uuid>>,
    /// Only boards on this gateway; none stands for any.
    pub(crate) gateway_id: Option<Uuid>,
}

impl Visible {
    /// None for callers that are in no organization.
    pub(crate) fn to(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::User(user) => {
                let all =
                    user.role != Role::Member || user.all_boards_read || user.all_boards_write;
                let granted = || user.boards.iter().map(|right| right.board_id).collect();
                Some(Self {
                    organization_id: user.organization_id,
                    boards: (!all).then(granted),
                    gateway_id: None,
                })
            }
            Caller::Agent(agent) => Some(Self {
                organization_id: agent.organization_id,
                boards: agent.board_id.map(|id| vec![id]),
                gateway_id: agent.board_id.is_none().then_some(agent.gateway_id),
            }),
            Caller::Internal { .. } | Caller::Anonymous => None,
        }
    }

    /// The boards that a caller may change things on. Says of many boards what [`Caller::writes`] says of one.
    pub(crate) fn for_writing(caller: &Caller) -> Option<Self> {
        let Caller::User(user) = caller else {
            return Self::to(caller);
        };
        let all = user.role != Role::Member || user.all_boards_write;
        let granted = || {
            let writable = user.boards.iter().filter(|right| right.can_write);
            writable.map(|right| right.board_id).collect()
        };
        Some(Self {
            organization_id: user.organization_id,
            boards: (!all).then(granted),
            gateway_id: None,
        })
    }

    /// The boards of a board's group that somebody who sees the board may read in a snapshot: a board's agents are told how
    /// the others in the group stand.
    pub(crate) fn of_siblings(caller: &Caller) -> Option<Self> {
        let own = Self::to(caller)?;
        Some(match caller {
            Caller::Agent(agent) if agent.board_id.is_some() => Self {
                boards: None,
                ..own
            },
            _ => own,
        })
    }
}
