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
}
