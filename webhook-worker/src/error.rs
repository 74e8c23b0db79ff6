//! Every way in which an RPC of this component fails.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value};
use uuid::Uuid;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("board {0} does not exist or is not visible to the caller")]
    BoardNotFound(Uuid),
    #[error("webhook endpoint {0} is not one of this organization")]
    EndpointNotFound(Uuid),
    #[error("delivery {0} is not one of this webhook endpoint")]
    DeliveryNotFound(Uuid),
    #[error("the organization has as many webhook endpoints as it may have")]
    EndpointLimit,
    #[error("only a person administers webhook endpoints")]
    AdminRequired,
    #[error("the board service failed")]
    Peer(#[source] Box<tonic::Status>),
    #[error("the board service answered without {0}")]
    PeerAnswer(&'static str),
    #[error("the body of delivery {id} cannot be read")]
    Unreadable {
        id: Uuid,
        #[source]
        source: serde_json::Error,
    },
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error
            .as_database_error()
            .and_then(|error| error.constraint());
        match constraint {
            Some("webhook_quota_limit") => Self::EndpointLimit,
            _ => Self::Database(error),
        }
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::BoardNotFound(_) | Self::EndpointNotFound(_) | Self::DeliveryNotFound(_) => {
                Code::NotFound
            }
            Self::EndpointLimit => Code::Conflict,
            Self::AdminRequired => Code::Forbidden,
            Self::Peer(_) | Self::PeerAnswer(_) | Self::Unreadable { .. } | Self::Database(_) => {
                Code::Internal
            }
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Fault(fault) => fault.reason(),
            Self::BoardNotFound(_) => "BOARD_NOT_FOUND",
            Self::EndpointNotFound(_) => "WEBHOOK_ENDPOINT_NOT_FOUND",
            Self::DeliveryNotFound(_) => "WEBHOOK_DELIVERY_NOT_FOUND",
            Self::EndpointLimit => "WEBHOOK_ENDPOINT_LIMIT",
            Self::AdminRequired => "ADMIN_REQUIRED",
            Self::Peer(_) | Self::PeerAnswer(_) | Self::Unreadable { .. } | Self::Database(_) => {
                "INTERNAL"
            }
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Fault(fault) => fault.fields(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        match self {
            Self::Fault(fault) => fault.facts(),
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

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
