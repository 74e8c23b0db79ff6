//! Why a task does not do what was asked of it.

use chassis::Code;
use serde_json::{Map, Value as Json, json};
use thiserror::Error;
use uuid::Uuid;

use super::MAX_DEPENDENCIES;
use crate::{custom_field, tag};

/// A lawful "no" of the rules of a task.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("the task waits for other tasks that are not done")]
    Blocked { by: Vec<Uuid> },
    #[error("another agent has already claimed the task")]
    AlreadyClaimed,
    #[error("the task belongs to another agent")]
    AssigneeMismatch,
    #[error("a worker may change the status and custom fields of its tasks, and comment; it may not change: {}", fields.join(", "))]
    WorkerField { fields: Vec<&'static str> },
    #[error("a lead may assign, move, tag and set dependencies and custom fields; it may not change: {}", fields.join(", "))]
    LeadField { fields: Vec<&'static str> },
    #[error("a lead comments in the conversation of the task, not in a change of it")]
    LeadComment,
    #[error("a lead moves a task out of review to done or back to inbox")]
    LeadTarget,
    #[error("a lead moves tasks that are in review, or starts an inbox task by assigning it")]
    LeadStatus,
    #[error("on this board only the lead changes a status")]
    OnlyLead,
    #[error("a worker may not reopen a task that is done")]
    Reopen,
    #[error("a lead may not assign a task to a lead")]
    AssignToLead,
    #[error("the agent does not exist")]
    AgentNotFound,
    #[error("the agent does not belong to this board")]
    AgentOnOtherBoard,
    #[error("a task is created in inbox or, with an assignee, in progress")]
    NotCreatable,
    #[error("dependencies of a task that is done are locked")]
    DependenciesLocked,
    #[error("an approval for the task is pending")]
    PendingApproval { approval_id: Uuid },
    #[error("the board wants a task reviewed before it is done")]
    ReviewRequired,
    #[error("the board wants an approved approval before a task is done")]
    ApprovalRequired,
    #[error("the board wants a comment by the mover or the assignee before a task is reviewed")]
    CommentRequired,
    #[error("the task has changed since: its version is {version}")]
    VersionConflict { version: i64 },
    #[error("a task has at most {MAX_DEPENDENCIES} dependencies")]
    TooManyDependencies,
    #[error("a task has at most {} tags", tag::MAX_PER_TASK)]
    TooManyTags,
    #[error(transparent)]
    Tags(#[from] tag::Refusal),
    #[error(transparent)]
    Fields(#[from] custom_field::Refusal),
}

impl Refusal {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::WorkerField { .. }
            | Self::LeadField { .. }
            | Self::LeadComment
            | Self::LeadTarget
            | Self::LeadStatus
            | Self::OnlyLead
            | Self::Reopen
            | Self::AssigneeMismatch
            | Self::AssignToLead => Code::Forbidden,
            Self::AgentNotFound => Code::NotFound,
            Self::NotCreatable
            | Self::CommentRequired
            | Self::TooManyDependencies
            | Self::TooManyTags => Code::Invalid,
            Self::Tags(refusal) => refusal.code(),
            Self::Fields(refusal) => refusal.code(),
            Self::Blocked { .. }
            | Self::AlreadyClaimed
            | Self::AgentOnOtherBoard
            | Self::DependenciesLocked
            | Self::PendingApproval { .. }
            | Self::ReviewRequired
            | Self::ApprovalRequired
            | Self::VersionConflict { .. } => Code::Conflict,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "TASK_BLOCKED_CANNOT_TRANSITION",
            Self::AlreadyClaimed => "TASK_ALREADY_CLAIMED",
            Self::AssigneeMismatch => "TASK_ASSIGNEE_MISMATCH",
            Self::WorkerField { .. } => "TASK_UPDATE_FIELD_FORBIDDEN",
            Self::LeadField { .. } => "LEAD_FIELD_FORBIDDEN",
            Self::LeadComment => "LEAD_COMMENT_IN_PATCH",
            Self::LeadTarget => "LEAD_TARGET_FORBIDDEN",
            Self::LeadStatus => "LEAD_STATUS_REQUIRES_REVIEW",
            Self::OnlyLead => "ONLY_LEAD_CAN_CHANGE_STATUS",
            Self::Reopen => "TASK_REOPEN_FORBIDDEN",
            Self::AssignToLead => "CANNOT_ASSIGN_TO_LEAD",
            Self::AgentNotFound => "AGENT_NOT_FOUND",
            Self::AgentOnOtherBoard => "AGENT_ON_OTHER_BOARD",
            Self::NotCreatable => "STATUS_NOT_CREATABLE",
            Self::DependenciesLocked => "DEPENDENCIES_LOCKED_WHEN_DONE",
            Self::PendingApproval { .. } => "TASK_PENDING_APPROVAL",
            Self::ReviewRequired => "TASK_REVIEW_REQUIRED",
            Self::ApprovalRequired => "TASK_APPROVAL_REQUIRED",
            Self::CommentRequired => "COMMENT_REQUIRED",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::TooManyDependencies => "TOO_MANY_DEPENDENCIES",
            Self::TooManyTags => "TOO_MANY_TAGS",
            Self::Tags(refusal) => refusal.reason(),
            Self::Fields(refusal) => refusal.reason(),
        }
    }

    /// The field of the request that is wrong, for those that are about one.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotCreatable => Some("status"),
            Self::CommentRequired => Some("comment"),
            Self::TooManyDependencies => Some("depends_on_task_ids"),
            Self::TooManyTags => Some("tag_ids"),
            Self::Fields(refusal) => refusal.field(),
            _ => None,
        }
    }

    /// The facts of the case, as clients find them.
    pub(crate) fn facts(&self) -> Map<String, Json> {
        let (name, value) = match self {
            Self::Blocked { by } => ("blocked_by_task_ids", json!(by)),
            Self::WorkerField { fields } | Self::LeadField { fields } => ("fields", json!(fields)),
            Self::PendingApproval { approval_id } => ("approval_id", json!(approval_id)),
            Self::VersionConflict { version } => ("current_version", json!(version)),
            Self::Tags(refusal) => return refusal.facts(),
            Self::Fields(refusal) => return refusal.facts(),
            _ => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}
