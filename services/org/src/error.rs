//! Every way in which an identity RPC fails.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::organization::PER_PERSON;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the credential is not one of ours")]
    CredentialInvalid,
    #[error("only a person has an organization to act in")]
    PersonRequired,
    #[error("there is no such person any more")]
    UserNotFound,
    #[error("organization {0} does not exist or the caller is not a member")]
    OrganizationNotFound(Uuid),
    #[error("a person belongs to at most {PER_PERSON} organizations")]
    OrganizationLimit,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::CredentialInvalid | Self::UserNotFound => Code::Unauthenticated,
            Self::PersonRequired => Code::Forbidden,
            Self::OrganizationNotFound(_) => Code::NotFound,
            Self::OrganizationLimit => Code::Conflict,
            Self::Database(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Fault(fault) => fault.reason(),
            Self::CredentialInvalid => "CREDENTIAL_INVALID",
            Self::PersonRequired => "PERSON_REQUIRED",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::OrganizationNotFound(_) => "ORGANIZATION_NOT_FOUND",
            Self::OrganizationLimit => "ORGANIZATION_LIMIT",
            Self::Database(_) => "INTERNAL",
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
            Self::OrganizationLimit => Map::from_iter([("limit".to_owned(), PER_PERSON.into())]),
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
