//! Agents: who they are, what they are for, and where they live on their gateway.

pub(crate) mod change;
pub(crate) mod heartbeat;
pub(crate) mod place;
pub(crate) mod profile;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    gateway::{self, Gateway},
    phase::{self, Phase, Status},
};

/// An agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agent {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub gateway_id: Uuid,
    /// `None`: the main agent of its gateway.
    pub board_id: Option<Uuid>,
    pub name: String,
    pub is_board_lead: bool,
    pub phase: Phase,
    pub last_error: Option<String>,
    pub heartbeat_config: Value,
    /// Keys that were in it and are still to be taken off the gateway.
    pub heartbeat_removed: Vec<String>,
    pub identity_profile: Option<Value>,
    pub identity_template: Option<String>,
    pub soul_template: Option<String>,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub provisioned_at: Option<DateTime<Utc>>,
    pub wake: Wake,
    /// Where it lives when it was on its gateway before it was ours.
    pub runtime: Option<Runtime>,
    /// Since when it goes: it has no token any more, and nobody finds it.
    pub leaving_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Wake-ups that the agent has not answered with a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wake {
    /// Since it last called.
    pub attempts: i32,
    pub sent_at: Option<DateTime<Utc>>,
    /// Until when the last one waits for the agent.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// Where an agent lives that was on its gateway before it was ours. Both stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runtime {
    /// Its id on the gateway.
    pub key: String,
    pub workspace: String,
}

/// What an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Speaks for a whole gateway.
    Main,
    /// Coordinates a board.
    Lead,
    /// Does tasks of a board.
    Worker,
}

impl Agent {
    /// The main agent of a gateway that has none yet.
    pub(crate) fn main_of(gateway: &Gateway, now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            organization_id: gateway.organization_id,
            gateway_id: gateway.id,
            board_id: None,
            name: gateway::main_agent_name(&gateway.name),
            is_board_lead: false,
            phase: Phase::Pending,
            last_error: None,
            heartbeat_config: heartbeat::default(),
            heartbeat_removed: Vec::new(),
            identity_profile: Some(profile::main()),
            identity_template: None,
            soul_template: None,
            last_seen_at: None,
            provisioned_at: None,
            wake: Wake::default(),
            runtime: None,
            leaving_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    pub(crate) fn role(&self) -> Role {
        match (self.board_id, self.is_board_lead) {
            (None, _) => Role::Main,
            (Some(_), true) => Role::Lead,
            (Some(_), false) => Role::Worker,
        }
    }

    /// How often it means to wake up; zero when it does not.
    pub(crate) fn pace(&self) -> TimeDelta {
        heartbeat::every(&self.heartbeat_config)
    }

    /// Phase and presence in one word.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> Status {
        phase::status(self.phase, &self.wake, self.last_seen_at, self.pace(), now)
    }

    /// Key of the session in which it works.
    pub(crate) fn session_key(&self) -> String {
        place::session_key(&self.key())
    }

    /// Whether it was on its gateway before it was ours.
    pub(crate) fn is_imported(&self) -> bool {
        self.runtime.is_some()
    }

    /// Its name among the agents of the gateway.
    pub(crate) fn key(&self) -> String {
        if let Some(runtime) = &self.runtime {
            return runtime.key.clone();
        }
        match (self.role(), self.board_id) {
            (Role::Lead, Some(board_id)) => place::lead_key(board_id),
            (Role::Worker, Some(_)) => place::worker_key(self.id),
            (Role::Main, _) | (_, None) => place::main_key(self.gateway_id),
        }
    }

    /// Directory of its files on the gateway's machine.
    pub(crate) fn workspace(&self, root: &str) -> String {
        if let Some(runtime) = &self.runtime {
            return runtime.workspace.clone();
        }
        place::workspace(root, &self.key())
    }
}
