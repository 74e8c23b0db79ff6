//! Why an RPC of this service fails.

use std::time::Duration;

use chassis::fault::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Every failure of this service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("no board {0}")]
    BoardNotFound(Uuid),
    #[error("no board group {0}")]
    GroupNotFound(Uuid),
    #[error("only owners and admins of the organization may read this")]
    AdminRequired,
    #[error("the caller's access to the organization has ended")]
    AccessEnded,
    #[error("the reader cannot keep up; resume after {sequence}")]
    ReaderTooSlow { sequence: i64 },
    #[error("the stream has reached its age; resume after {sequence}")]
    StreamExpired { sequence: i64 },
    #[error("what the caller may see has changed; resume after {sequence}")]
    CallerChanged { sequence: i64 },
    #[error("the server is stopping; resume after {sequence}")]
    Stopping { sequence: i64 },
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("a stored event cannot be read")]
    Unreadable(#[from] prost::DecodeError),
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code,
            Self::BoardNotFound(_) | Self::GroupNotFound(_) => Code::NotFound,
            Self::AdminRequired | Self::AccessEnded => Code::Forbidden,
            Self::ReaderTooSlow { .. } => Code::TooMany,
            Self::StreamExpired { .. } | Self::CallerChanged { .. } | Self::Stopping { .. } => {
                Code::Unavailable
            }
            Self::Database(_) | Self::Unreadable(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Fault(fault) => &fault.reason,
            Self::BoardNotFound(_) => "BOARD_NOT_FOUND",
            Self::GroupNotFound(_) => "BOARD_GROUP_NOT_FOUND",
            Self::AdminRequired => "ADMIN_REQUIRED",
            Self::AccessEnded => "ACCESS_ENDED",
            Self::ReaderTooSlow { .. } => "READER_TOO_SLOW",
            Self::StreamExpired { .. } => "STREAM_EXPIRED",
            Self::CallerChanged { .. } => "CALLER_CHANGED",
            Self::Stopping { .. } => "STOPPING",
            Self::Database(_) | Self::Unreadable(_) => "INTERNAL",
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Fault(fault) => fault.fields.clone(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        match self {
            Self::Fault(fault) => fault.facts.clone().into_iter().collect(),
            Self::ReaderTooSlow { sequence }
            | Self::StreamExpired { sequence }
            | Self::CallerChanged { sequence }
            | Self::Stopping { sequence } => {
                Map::from_iter([("sequence".to_owned(), Value::from(*sequence))])
            }
            Self::BoardNotFound(_)
            | Self::GroupNotFound(_)
            | Self::AdminRequired
            | Self::AccessEnded
            | Self::Database(_)
            | Self::Unreadable(_) => Map::new(),
        }
    }

    /// A stream that was ended can be resumed at once.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fault(fault) => fault.retry_after,
            Self::StreamExpired { .. } | Self::CallerChanged { .. } => Some(Duration::ZERO),
            Self::BoardNotFound(_)
            | Self::GroupNotFound(_)
            | Self::AdminRequired
            | Self::AccessEnded
            | Self::ReaderTooSlow { .. }
            | Self::Stopping { .. }
            | Self::Database(_)
            | Self::Unreadable(_) => None,
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
