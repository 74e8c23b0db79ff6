//! Who works on a board, as far as its tasks care.

use uuid::Uuid;

use crate::task::{Refusal, transition::Mover};

/// An agent as the board sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    /// None for the main agent of a gateway.
    pub(crate) board_id: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) is_lead: bool,
}

/// The agents of one board, and a stranger that a request named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) members: Vec<Member>,
    /// An agent of the organization that was named and is not of the board.
    pub(crate) stranger: Option<Member>,
}

impl Roster {
    /// The board's lead.
    pub(crate) fn lead(&self) -> Option<Uuid> {
        self.members
            .iter()
            .find(|member| member.is_lead)
            .map(|lead| lead.id)
    }

    pub(crate) fn find(&self, id: Uuid) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Whether the agent is a worker of the board.
    pub(crate) fn has_worker(&self, id: Uuid) -> bool {
        self.find(id).is_some_and(|member| !member.is_lead)
    }

    /// Judges whether somebody may give a task to an agent: it exists, it is of this board, and leads do not assign
    /// to leads.
    pub(crate) fn judge_assignee(&self, id: Uuid, by: Mover) -> Result<(), Refusal> {
        let stranger = self.stranger.as_ref().filter(|stranger| stranger.id == id);
        let Some(agent) = self.find(id).or(stranger) else {
            return Err(Refusal::AgentNotFound);
        };
        if agent.is_lead && matches!(by, Mover::Lead(_)) {
            return Err(Refusal::AssignToLead);
        }
        if stranger.is_some() {
            Err(Refusal::AgentOnOtherBoard)
        } else {
            Ok(())
        }
    }
}
