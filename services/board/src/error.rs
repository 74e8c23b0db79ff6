//! Everything that can go wrong here, and how callers are told.

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::{custom_field, group::MAX_BOARDS, tag, task::Refusal};

/// Why a call failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Invalid(#[from] Fault),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Tag(#[from] tag::Refusal),
    #[error(transparent)]
    CustomField(#[from] custom_field::Refusal),
    #[error("the board does not exist")]
    BoardNotFound,
    #[error("the board group does not exist")]
    GroupNotFound,
    #[error("the task does not exist")]
    TaskNotFound,
    #[error("changing what is on this board needs the right to write it")]
    WriteRequired,
    #[error("this needs the right to write a board of the group")]
    GroupWriteRequired,
    #[error("only administrators and the board's lead pause and resume its agents")]
    PauseRequiresAdmin,
    #[error("only an administrator may change: {}", fields.join(", "))]
    AdminRequired { fields: Vec<&'static str> },
    #[error(
        "a lead comments on tasks in review, on tasks of its own making, and where it was mentioned"
    )]
    LeadCommentForbidden,
    #[error("a task cannot depend on itself")]
    SelfDependency,
    #[error("some dependencies are not tasks of this board")]
    DependenciesNotFound { missing: Vec<Uuid> },
    #[error("the dependencies would form a circle")]
    DependencyCycle,
    #[error("another board of the organization has this slug")]
    SlugTaken,
    #[error("another group of the organization has this slug")]
    GroupSlugTaken,
    #[error("a group has at most {} boards", MAX_BOARDS)]
    GroupFull,
    #[error("the board has changed since: its version is {version}")]
    VersionConflict { version: i64 },
    #[error("the gateway is not one of the organization's")]
    GatewayInvalid,
    #[error("the gateway has no main agent yet")]
    GatewayMainAgentRequired,
    #[error("the board group is not one of the organization's")]
    BoardGroupInvalid,
    #[error("the board is in no group")]
    BoardGroupRequired,
    #[error("the board has agents, and they live on its present gateway")]
    BoardHasAgents,
    #[error("a confirmed goal needs: {}", fields.join(", "))]
    GoalFieldsRequired { fields: Vec<&'static str> },
    /// The same of a goal that is confirmed through an onboarding.
    #[error("a goal needs: {}", fields.join(", "))]
    GoalIncomplete { fields: Vec<&'static str> },
    #[error("it keeps changing; try again")]
    Busy,
    #[error("another service answered in an unexpected way")]
    Peer(#[source] Fault),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The fields of the request that the error is about.
    fn wrong_fields(&self) -> Vec<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.field().into_iter().collect(),
            Self::CustomField(refusal) => refusal.field().into_iter().collect(),
            Self::SelfDependency => vec!["depends_on_task_ids"],
            Self::GatewayInvalid | Self::GatewayMainAgentRequired => vec!["gateway_id"],
            Self::GroupFull => vec!["board_group_id"],
            Self::BoardGroupInvalid => vec!["board_group_id"],
            Self::GoalFieldsRequired { fields } | Self::GoalIncomplete { fields } => fields.clone(),
            _ => Vec::new(),
        }
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(fault) => fault.code,
            Self::Refused(refusal) => refusal.code(),
            Self::Tag(refusal) => refusal.code(),
            Self::CustomField(refusal) => refusal.code(),
            Self::BoardNotFound
            | Self::GroupNotFound
            | Self::TaskNotFound
            | Self::DependenciesNotFound { .. } => Code::NotFound,
            Self::WriteRequired
            | Self::GroupWriteRequired
            | Self::PauseRequiresAdmin
            | Self::AdminRequired { .. }
            | Self::LeadCommentForbidden => Code::Forbidden,
            Self::SelfDependency
            | Self::GatewayInvalid
            | Self::GatewayMainAgentRequired
            | Self::BoardGroupInvalid
            | Self::BoardGroupRequired
            | Self::GoalFieldsRequired { .. }
            | Self::GoalIncomplete { .. } => Code::Invalid,
            Self::DependencyCycle
            | Self::BoardHasAgents
            | Self::GroupFull
            | Self::VersionConflict { .. }
            | Self::Busy => Code::Conflict,
            Self::SlugTaken | Self::GroupSlugTaken => Code::AlreadyExists,
            Self::Peer(fault) if fault.code.retryable() => Code::Unavailable,
            Self::Peer(_) | Self::Database(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Invalid(fault) => &fault.reason,
            Self::Refused(refusal) => refusal.reason(),
            Self::Tag(refusal) => refusal.reason(),
            Self::CustomField(refusal) => refusal.reason(),
            Self::BoardNotFound => "BOARD_NOT_FOUND",
            Self::GroupNotFound => "BOARD_GROUP_NOT_FOUND",
            Self::TaskNotFound => "TASK_NOT_FOUND",
            Self::WriteRequired => "BOARD_WRITE_REQUIRED",
            Self::GroupWriteRequired => "BOARD_GROUP_WRITE_REQUIRED",
            Self::PauseRequiresAdmin => "PAUSE_REQUIRES_ADMIN",
            Self::AdminRequired { .. } => "ADMIN_REQUIRED",
            Self::LeadCommentForbidden => "LEAD_COMMENT_FORBIDDEN",
            Self::SelfDependency => "TASK_SELF_DEPENDENCY",
            Self::DependenciesNotFound { .. } => "DEPENDENCY_TASKS_NOT_FOUND",
            Self::DependencyCycle => "DEPENDENCY_CYCLE",
            Self::SlugTaken => "BOARD_SLUG_TAKEN",
            Self::GroupSlugTaken => "BOARD_GROUP_SLUG_TAKEN",
            Self::GroupFull => "BOARD_GROUP_FULL",
            Self::GatewayInvalid => "GATEWAY_INVALID",
            Self::GatewayMainAgentRequired => "GATEWAY_MAIN_AGENT_REQUIRED",
            Self::BoardGroupInvalid => "BOARD_GROUP_INVALID",
            Self::BoardGroupRequired => "BOARD_GROUP_REQUIRED",
            Self::BoardHasAgents => "BOARD_HAS_AGENTS",
            Self::GoalFieldsRequired { .. } => "GOAL_FIELDS_REQUIRED",
            Self::GoalIncomplete { .. } => "GOAL_INCOMPLETE",
            Self::Busy | Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::Peer(fault) if fault.code.retryable() => "PEER_UNAVAILABLE",
            Self::Peer(_) | Self::Database(_) => "INTERNAL",
        }
    }

    fn fields(&self) -> Vec<Violation> {
        if let Self::Invalid(fault) = self {
            return fault.fields.clone();
        }
        let violation = |field: &'static str| Violation {
            field: field.to_owned(),
            reason: self.reason().to_owned(),
            message: self.to_string(),
        };
        self.wrong_fields().into_iter().map(violation).collect()
    }

    fn facts(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Invalid(fault) => return fault.facts.clone().into_iter().collect(),
            Self::Refused(refusal) => return refusal.facts(),
            Self::Tag(refusal) => return refusal.facts(),
            Self::CustomField(refusal) => return refusal.facts(),
            Self::AdminRequired { fields } => ("fields", json!(fields)),
            Self::VersionConflict { version } => ("current_version", json!(version)),
            Self::DependenciesNotFound { missing } => ("missing_task_ids", json!(missing)),
            _ => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}

/// A broken constraint as the error of the domain that it stands for.
pub(crate) fn from_constraint(error: sqlx::Error) -> Error {
    match chassis::db::constraint(&error) {
        Some("board_slug_key") => Error::SlugTaken,
        Some("tag_slug_key") => tag::Refusal::SlugTaken.into(),
        Some("custom_field_field_key_key") => custom_field::Refusal::KeyTaken.into(),
        Some("board_group_slug_key") => Error::GroupSlugTaken,
        Some("group_memory_board_group_id_fkey") => Error::GroupNotFound,
        Some("group_memory_board_id_fkey") => Error::BoardNotFound,
        _ => Error::Database(error),
    }
}
