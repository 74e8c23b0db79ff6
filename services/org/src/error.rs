//! Every way in which an identity RPC fails.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{api_token::IN_FORCE_MAX, organization::PER_PERSON};

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
    #[error("there is no such person in the organization")]
    ProfileNotFound,
    #[error("organization {0} does not exist or the caller is not a member")]
    OrganizationNotFound(Uuid),
    #[error("a person belongs to at most {PER_PERSON} organizations")]
    OrganizationLimit,
    #[error("only owners and admins of the organization may do this")]
    AdminRequired,
    #[error("only owners of the organization may do this")]
    OwnerRequired,
    /// Id and name of each organization that would be left without an owner.
    #[error("an organization keeps an owner while it has members")]
    LastOwner(Vec<(Uuid, String)>),
    #[error("nobody removes themselves; they leave")]
    CannotRemoveSelf,
    #[error("member {0} does not exist")]
    MemberNotFound(Uuid),
    #[error("the address belongs to a member")]
    AlreadyMember,
    #[error("an invite waits for the address")]
    InviteExists,
    #[error("the invite does not exist or is not in force")]
    InviteNotFound,
    #[error("the invite is for another address")]
    InviteEmailMismatch,
    #[error("a person with the invited address exists; they sign in and accept")]
    AccountExists,
    #[error("API token {0} does not exist")]
    ApiTokenNotFound(Uuid),
    #[error("a person has at most {IN_FORCE_MAX} API tokens in an organization")]
    TooManyApiTokens,
    #[error("a token creates no token with wider scopes than its own")]
    ScopeExceeded,
    /// Others kept changing what this depends on.
    #[error("too much happens at once; try again")]
    Busy,
    #[error("a token could not be hashed or checked")]
    Hashing(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::CredentialInvalid | Self::UserNotFound => Code::Unauthenticated,
            Self::PersonRequired
            | Self::AdminRequired
            | Self::OwnerRequired
            | Self::CannotRemoveSelf
            | Self::InviteEmailMismatch
            | Self::ScopeExceeded => Code::Forbidden,
            Self::OrganizationNotFound(_)
            | Self::ProfileNotFound
            | Self::MemberNotFound(_)
            | Self::InviteNotFound
            | Self::ApiTokenNotFound(_) => Code::NotFound,
            Self::AlreadyMember | Self::InviteExists | Self::AccountExists => Code::AlreadyExists,
            Self::OrganizationLimit | Self::LastOwner(_) | Self::TooManyApiTokens => Code::Conflict,
            Self::Busy => Code::Unavailable,
            Self::Hashing(_) | Self::Database(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Fault(fault) => fault.reason(),
            Self::CredentialInvalid => "CREDENTIAL_INVALID",
            Self::PersonRequired => "PERSON_REQUIRED",
            Self::UserNotFound | Self::ProfileNotFound => "USER_NOT_FOUND",
            Self::OrganizationNotFound(_) => "ORGANIZATION_NOT_FOUND",
            Self::OrganizationLimit => "ORGANIZATION_LIMIT",
            Self::AdminRequired => "ADMIN_REQUIRED",
            Self::OwnerRequired => "OWNER_REQUIRED",
            Self::LastOwner(_) => "LAST_OWNER",
            Self::CannotRemoveSelf => "CANNOT_REMOVE_SELF",
            Self::MemberNotFound(_) => "MEMBER_NOT_FOUND",
            Self::AlreadyMember => "ALREADY_MEMBER",
            Self::InviteExists => "INVITE_EXISTS",
            Self::InviteNotFound => "INVITE_NOT_FOUND",
            Self::InviteEmailMismatch => "INVITE_EMAIL_MISMATCH",
            Self::AccountExists => "ACCOUNT_EXISTS",
            Self::ApiTokenNotFound(_) => "API_TOKEN_NOT_FOUND",
            Self::TooManyApiTokens => "TOO_MANY_API_TOKENS",
            Self::ScopeExceeded => "SCOPE_EXCEEDED",
            Self::Busy => "BUSY",
            Self::Hashing(_) | Self::Database(_) => "INTERNAL",
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Fault(fault) => fault.fields(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        let fact = |name: &str, value| Map::from_iter([(name.to_owned(), value)]);
        match self {
            Self::Fault(fault) => fault.facts(),
            Self::OrganizationLimit => fact("limit", PER_PERSON.into()),
            Self::TooManyApiTokens => fact("limit", IN_FORCE_MAX.into()),
            Self::LastOwner(organizations) => {
                let organizations = organizations
                    .iter()
                    .map(|(id, name)| json!({"id": id, "name": name}));
                fact("organizations", organizations.collect())
            }
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

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match chassis::db::constraint(&error) {
            Some("invite_waiting_key") => Self::InviteExists,
            Some("user_account_invited_email_key") => Self::AccountExists,
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
