//! Every way in which an approval RPC fails.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    approval::{Conflict, Status},
    decision::Refusal,
    policy,
};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("board {0} does not exist or is not visible to the caller")]
    BoardNotFound(Uuid),
    #[error("the caller may not write this board")]
    BoardWriteRequired,
    #[error("only a person or an agent asks and decides")]
    ActorRequired,
    #[error("{} of the linked tasks are not tasks of this board", .0.len())]
    TaskNotFound(Vec<Uuid>),
    #[error("a linked task already waits for a decision")]
    ApprovalPending(Vec<Conflict>),
    #[error("others decide about the same tasks at this moment")]
    Busy,
    #[error("approval {0} is not an approval of this board")]
    ApprovalNotFound(Uuid),
    #[error("approval {id} has been {} already; reopen it first", .status.as_str())]
    ApprovalResolved { id: Uuid, status: Status },
    #[error("nobody decided approval {0} in time; reopen it first")]
    ApprovalExpired(Uuid),
    #[error("whoever asked for this approval may not decide it")]
    SelfApprovalForbidden,
    #[error("the approval is not at version {expected}, but at {actual}")]
    VersionConflict { expected: i64, actual: i64 },
    #[error("policy {0} does not exist")]
    PolicyNotFound(Uuid),
    #[error("an organization has at most {} policies", policy::MOST)]
    TooManyPolicies,
    #[error("the caller acts in no organization")]
    OrganizationRequired,
    #[error("the board service failed")]
    Peer(#[source] Box<tonic::Status>),
    #[error("the board service answered without {0}")]
    PeerAnswer(&'static str),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::BoardNotFound(_)
            | Self::TaskNotFound(_)
            | Self::ApprovalNotFound(_)
            | Self::PolicyNotFound(_) => Code::NotFound,
            Self::BoardWriteRequired
            | Self::ActorRequired
            | Self::OrganizationRequired
            | Self::SelfApprovalForbidden => Code::Forbidden,
            Self::ApprovalPending(_)
            | Self::ApprovalResolved { .. }
            | Self::ApprovalExpired(_)
            | Self::VersionConflict { .. }
            | Self::TooManyPolicies => Code::Conflict,
            Self::Busy => Code::Unavailable,
            Self::Peer(_) | Self::PeerAnswer(_) | Self::Database(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Fault(fault) => fault.reason(),
            Self::BoardNotFound(_) => "BOARD_NOT_FOUND",
            Self::BoardWriteRequired => "BOARD_WRITE_REQUIRED",
            Self::ActorRequired => "ACTOR_REQUIRED",
            Self::TaskNotFound(_) => "TASK_NOT_FOUND",
            Self::ApprovalPending(_) => "APPROVAL_PENDING",
            Self::Busy => "APPROVALS_BUSY",
            Self::ApprovalNotFound(_) => "APPROVAL_NOT_FOUND",
            Self::ApprovalResolved { .. } => "APPROVAL_RESOLVED",
            Self::ApprovalExpired(_) => "APPROVAL_EXPIRED",
            Self::SelfApprovalForbidden => "SELF_APPROVAL_FORBIDDEN",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::PolicyNotFound(_) => "POLICY_NOT_FOUND",
            Self::TooManyPolicies => "TOO_MANY_POLICIES",
            Self::OrganizationRequired => "ORGANIZATION_REQUIRED",
            Self::Peer(_) | Self::PeerAnswer(_) | Self::Database(_) => "INTERNAL",
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Fault(fault) => fault.fields(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        let fact = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        match self {
            Self::Fault(fault) => fault.facts(),
            Self::TaskNotFound(missing) => fact("missing_task_ids", json!(missing)),
            Self::ApprovalPending(conflicts) => {
                fact("conflicts", conflicts.iter().map(conflict).collect())
            }
            Self::ApprovalResolved { status, .. } => fact("status", json!(status.as_str())),
            Self::ApprovalExpired(_) => fact("status", json!(Status::Expired.as_str())),
            Self::VersionConflict { actual, .. } => fact("current_version", json!(actual)),
            _ => Map::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fault(fault) => fault.retry_after(),
            _ => None,
        }
    }
}

impl Error {
    /// Why nothing came of repeated attempts: what is in the way, or, when that went away each time, that others are quicker.
    pub(crate) fn in_the_way(conflicts: Vec<Conflict>) -> Self {
        if conflicts.is_empty() {
            Self::Busy
        } else {
            Self::ApprovalPending(conflicts)
        }
    }

    /// Why a person may not do something with an approval.
    pub(crate) fn refused(id: Uuid, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Decided(status) => Self::ApprovalResolved { id, status },
            Refusal::Expired => Self::ApprovalExpired(id),
            Refusal::SelfApproval => Self::SelfApprovalForbidden,
        }
    }
}

fn conflict(conflict: &Conflict) -> Value {
    json!({"task_id": conflict.task_id, "approval_id": conflict.approval_id})
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
