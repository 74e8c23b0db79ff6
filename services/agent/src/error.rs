//! What can go wrong here, and how it is told.

use chassis::{Code, Explain, Fault, Violation};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong in itself, or a peer refused.
    #[error(transparent)]
    Refused(#[from] Fault),
    #[error("there is no such gateway")]
    GatewayNotFound,
    #[error("there is no such agent")]
    AgentNotFound,
    #[error("there is no such board")]
    BoardNotFound,
    #[error("the organization is being deleted")]
    OrganizationGone,
    #[error("this needs the right to write the board")]
    BoardWriteRequired,
    #[error("a lead works on its own board only")]
    OtherBoard,
    #[error("this needs an owner or admin of the organization")]
    AdminRequired,
    #[error("another agent of the gateway has this name")]
    AgentNameTaken,
    #[error("the board has a lead already")]
    BoardLeadExists,
    #[error("the board may have {max_agents} workers created by its lead")]
    AgentLimitReached { max_agents: i32 },
    #[error("a job of this agent is under way")]
    AgentBusy,
    #[error("the agent has not failed")]
    AgentNotFailed,
    #[error("this is no valid agent token")]
    TokenInvalid,
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    #[error("the {role} service answered something that cannot be read")]
    Peer {
        role: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("agent {agent_id}: its token could not be hashed or checked")]
    Hashing {
        agent_id: Uuid,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Refused(fault) => fault.code,
            Self::GatewayNotFound
            | Self::AgentNotFound
            | Self::BoardNotFound
            | Self::OrganizationGone => Code::NotFound,
            Self::BoardWriteRequired | Self::OtherBoard | Self::AdminRequired => Code::Forbidden,
            Self::AgentNameTaken | Self::BoardLeadExists => Code::AlreadyExists,
            Self::AgentLimitReached { .. } | Self::AgentBusy | Self::AgentNotFailed => {
                Code::Conflict
            }
            Self::TokenInvalid => Code::Unauthenticated,
            Self::Database(_) | Self::Peer { .. } | Self::Hashing { .. } => Code::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Refused(fault) => fault.reason(),
            Self::GatewayNotFound => "GATEWAY_NOT_FOUND",
            Self::AgentNotFound => "AGENT_NOT_FOUND",
            Self::BoardNotFound => "BOARD_NOT_FOUND",
            Self::OrganizationGone => "ORGANIZATION_NOT_FOUND",
            Self::BoardWriteRequired => "BOARD_WRITE_REQUIRED",
            Self::OtherBoard => "OTHER_BOARD",
            Self::AdminRequired => "ORG_ADMIN_REQUIRED",
            Self::AgentNameTaken => "AGENT_NAME_TAKEN",
            Self::BoardLeadExists => "BOARD_LEAD_EXISTS",
            Self::AgentLimitReached { .. } => "AGENT_LIMIT_REACHED",
            Self::AgentBusy => "AGENT_BUSY",
            Self::AgentNotFailed => "AGENT_NOT_FAILED",
            Self::TokenInvalid => "AGENT_TOKEN_INVALID",
            Self::Database(_) | Self::Peer { .. } | Self::Hashing { .. } => "INTERNAL",
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Refused(fault) => fault.fields(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        match self {
            Self::Refused(fault) => fault.facts(),
            Self::AgentLimitReached { max_agents } => {
                Map::from_iter([("max_agents".to_owned(), Value::from(*max_agents))])
            }
            _ => Map::new(),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Refused(fault) => fault.retry_after(),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match chassis::db::constraint(&error) {
            Some("agent_name_key") => Self::AgentNameTaken,
            Some("agent_gateway_id_fkey") => Self::GatewayNotFound,
            Some("agent_board_lead_key") => Self::BoardLeadExists,
            Some("job_unfinished_key") => Self::AgentBusy,
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        chassis::fault::status(&error)
    }
}
