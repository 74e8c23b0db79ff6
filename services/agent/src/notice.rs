//! What agents are told: kinds, who gets which, and in which words.

pub(crate) mod audience;
pub(crate) mod rule;
pub(crate) mod text;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    TaskAssigned,
    TaskCreated,
    TaskReadyForReview,
    TaskChangesRequested,
    TaskBackInInbox,
    TaskComment,
    ApprovalResolved,
    BoardUpdated,
    BoardGroupJoin,
    BoardGroupLeave,
    BoardChat,
    BoardCommand,
    GroupChat,
    GroupBroadcast,
    Nudge,
    AskUser,
    LeadMessage,
    LeadBroadcast,
    Onboarding,
    SkillInstall,
    SkillUninstall,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TaskAssigned => "task_assigned",
            Self::TaskCreated => "task_created",
            Self::TaskReadyForReview => "task_ready_for_review",
            Self::TaskChangesRequested => "task_changes_requested",
            Self::TaskBackInInbox => "task_back_in_inbox",
            Self::TaskComment => "task_comment",
            Self::ApprovalResolved => "approval_resolved",
            Self::BoardUpdated => "board_updated",
            Self::BoardGroupJoin => "board_group_join",
            Self::BoardGroupLeave => "board_group_leave",
            Self::BoardChat => "board_chat",
            Self::BoardCommand => "board_command",
            Self::GroupChat => "group_chat",
            Self::GroupBroadcast => "group_broadcast",
            Self::Nudge => "nudge",
            Self::AskUser => "ask_user",
            Self::LeadMessage => "lead_message",
            Self::LeadBroadcast => "lead_broadcast",
            Self::Onboarding => "onboarding",
            Self::SkillInstall => "skill_install",
            Self::SkillUninstall => "skill_uninstall",
        }
    }

    /// Whether the agent's answer goes out over the channel of its session, where a person may read it.
    pub(crate) const fn delivers(self) -> bool {
        matches!(
            self,
            Self::BoardCommand
                | Self::Nudge
                | Self::AskUser
                | Self::SkillInstall
                | Self::SkillUninstall
        )
    }

    /// Whether the word of a kind is one of those about skills.
    pub(crate) fn is_about_a_skill(word: &str) -> bool {
        [Self::SkillInstall, Self::SkillUninstall]
            .iter()
            .any(|kind| kind.as_str() == word)
    }

    /// Whether it waits while its board is paused. A command to agents reaches them in any case.
    pub(crate) const fn waits_for_board(self) -> bool {
        !matches!(self, Self::BoardCommand)
    }
}

/// A notice as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct New {
    pub id: Uuid,
    pub event_id: Uuid,
    pub organization_id: Uuid,
    /// The board that it is about: the agent's, or one of which a main agent is told.
    pub board_id: Option<Uuid>,
    pub task_id: Option<Uuid>,
    pub agent_id: Uuid,
    /// Who wrote it, when an agent did.
    pub from_agent_id: Option<Uuid>,
    pub kind: Kind,
    pub message: String,
    /// Waits for its agent to be put in place, or for its board to be resumed.
    pub held: bool,
    pub created_at: DateTime<Utc>,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Sent,
    /// The last attempt failed; another follows.
    Failed,
    Dead,
}

/// A notice and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub id: Uuid,
    pub kind: String,
    pub task_id: Option<Uuid>,
    pub agent_id: Uuid,
    pub state: State,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub board_id: Option<Uuid>,
    pub from_agent_id: Option<Uuid>,
    pub agent_name: Option<String>,
}
