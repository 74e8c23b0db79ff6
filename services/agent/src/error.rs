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
    #[error("there is no such skill")]
    SkillNotFound,
    #[error("there is no such pack of skills")]
    SkillPackNotFound,
    #[error("another pack is of this repository")]
    PackUrlTaken,
    #[error("an organization has at most 200 packs of skills")]
    TooManyPacks,
    #[error("the agent has no SOUL.md")]
    SoulNotFound,
    #[error("a worker reads its own SOUL.md only")]
    OtherAgent,
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
    #[error("the agent is being deleted")]
    AgentLeaving,
    #[error("the gateway has no main agent")]
    GatewayMainMissing,
    #[error("the board has no onboarding")]
    OnboardingNotFound,
    #[error("the onboarding has ended")]
    OnboardingClosed,
    #[error("the agent has not handed in its draft yet")]
    OnboardingNotCompleted,
    #[error("somebody confirms the onboarding at this moment; try again")]
    OnboardingBusy,
    #[error("a goal needs: {}", fields.join(", "))]
    GoalIncomplete { fields: Vec<&'static str> },
    #[error("the agent is not in place")]
    AgentNotReady,
    #[error("the agent of this gateway was imported already")]
    AgentImportedAlready,
    #[error("the agents of the board are paused")]
    BoardPaused,
    #[error("this is no valid agent token")]
    TokenInvalid,
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    #[error("a text could not be written")]
    Text(#[source] Box<dyn std::error::Error + Send + Sync>),
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
            | Self::SkillNotFound
            | Self::SkillPackNotFound
            | Self::SoulNotFound
            | Self::OnboardingNotFound
            | Self::OrganizationGone => Code::NotFound,
            Self::GoalIncomplete { .. } => Code::Invalid,
            Self::BoardWriteRequired
            | Self::OtherBoard
            | Self::OtherAgent
            | Self::AdminRequired => Code::Forbidden,
            Self::AgentNameTaken
            | Self::BoardLeadExists
            | Self::AgentImportedAlready
            | Self::PackUrlTaken => Code::AlreadyExists,
            Self::AgentLimitReached { .. }
            | Self::AgentBusy
            | Self::AgentLeaving
            | Self::TooManyPacks
            | Self::AgentNotFailed
            | Self::AgentNotReady
            | Self::BoardPaused
            | Self::GatewayMainMissing
            | Self::OnboardingClosed
            | Self::OnboardingNotCompleted
            | Self::OnboardingBusy => Code::Conflict,
            Self::TokenInvalid => Code::Unauthenticated,
            Self::Database(_) | Self::Text(_) | Self::Peer { .. } | Self::Hashing { .. } => {
                Code::Internal
            }
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Refused(fault) => fault.reason(),
            Self::GatewayNotFound => "GATEWAY_NOT_FOUND",
            Self::AgentNotFound => "AGENT_NOT_FOUND",
            Self::BoardNotFound => "BOARD_NOT_FOUND",
            Self::SkillNotFound => "SKILL_NOT_FOUND",
            Self::SkillPackNotFound => "SKILL_PACK_NOT_FOUND",
            Self::PackUrlTaken => "PACK_URL_TAKEN",
            Self::TooManyPacks => "TOO_MANY_PACKS",
            Self::SoulNotFound => "SOUL_NOT_FOUND",
            Self::OtherAgent => "OTHER_AGENT",
            Self::OrganizationGone => "ORGANIZATION_NOT_FOUND",
            Self::BoardWriteRequired => "BOARD_WRITE_REQUIRED",
            Self::OtherBoard => "OTHER_BOARD",
            Self::AdminRequired => "ORG_ADMIN_REQUIRED",
            Self::AgentNameTaken => "AGENT_NAME_TAKEN",
            Self::BoardLeadExists => "BOARD_LEAD_EXISTS",
            Self::AgentLimitReached { .. } => "AGENT_LIMIT_REACHED",
            Self::AgentBusy => "AGENT_BUSY",
            Self::AgentNotFailed => "AGENT_NOT_FAILED",
            Self::AgentLeaving => "AGENT_LEAVING",
            Self::GatewayMainMissing => "GATEWAY_MAIN_MISSING",
            Self::OnboardingNotFound => "ONBOARDING_NOT_FOUND",
            Self::OnboardingClosed => "ONBOARDING_CLOSED",
            Self::OnboardingNotCompleted => "ONBOARDING_NOT_COMPLETED",
            Self::OnboardingBusy => "ONBOARDING_BUSY",
            Self::GoalIncomplete { .. } => "GOAL_INCOMPLETE",
            Self::AgentNotReady => "AGENT_NOT_READY",
            Self::AgentImportedAlready => "AGENT_IMPORTED_ALREADY",
            Self::BoardPaused => "BOARD_PAUSED",
            Self::TokenInvalid => "AGENT_TOKEN_INVALID",
            Self::Database(_) | Self::Text(_) | Self::Peer { .. } | Self::Hashing { .. } => {
                "INTERNAL"
            }
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Refused(fault) => fault.fields(),
            Self::GoalIncomplete { fields } => fields
                .iter()
                .map(|field| Violation {
                    field: (*field).to_owned(),
                    reason: "REQUIRED".to_owned(),
                    message: "a goal needs it".to_owned(),
                })
                .collect(),
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
            Some("skill_pack_repository_key") => Self::PackUrlTaken,
            Some("agent_name_key") => Self::AgentNameTaken,
            Some("agent_gateway_id_fkey") => Self::GatewayNotFound,
            Some("agent_board_lead_key") => Self::BoardLeadExists,
            Some("agent_runtime_key_key") => Self::AgentImportedAlready,
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
