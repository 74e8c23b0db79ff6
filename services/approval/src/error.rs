//! Every way in which an approval RPC fails.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::approval::{Conflict, Decision};

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
    #[error("approval {0} is not an approval of this board")]
    ApprovalNotFound(Uuid),
    #[error("approval {id} has been {} already", .decision.as_str())]
    ApprovalResolved { id: Uuid, decision: Decision },
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
            Self::BoardNotFound(_) | Self::TaskNotFound(_) | Self::ApprovalNotFound(_) => {
                Code::NotFound
            }
            Self::BoardWriteRequired | Self::ActorRequired => Code::Forbidden,
            Self::ApprovalPending(_) | Self::ApprovalResolved { .. } => Code::Conflict,
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
            Self::ApprovalNotFound(_) => "APPROVAL_NOT_FOUND",
            Self::ApprovalResolved { .. } => "APPROVAL_RESOLVED",
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
            Self::ApprovalResolved { decision, .. } => fact("status", json!(decision.as_str())),
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

fn conflict(conflict: &Conflict) -> Value {
    json!({"task_id": conflict.task_id, "approval_id": conflict.approval_id})
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
