//! Between the contract's messages and the types of this crate.

pub(crate) mod board;
pub(crate) mod event;
pub(crate) mod gateway;
pub(crate) mod job;
pub(crate) mod news;
pub(crate) mod onboarding;
pub(crate) mod person;
pub(crate) mod skill;
pub(crate) mod soul;
pub(crate) mod sync;

use chassis::encode;
use chrono::{DateTime, Utc};
use proto::agent::v1 as wire;

use crate::{
    agent::{Agent, Role},
    gateway::Gateway,
    notice::{Notice, State},
    phase::{Phase, Status},
};

/// A gateway without its token.
pub(crate) fn gateway(gateway: &Gateway) -> wire::Gateway {
    wire::Gateway {
        id: gateway.id.to_string(),
        organization_id: gateway.organization_id.to_string(),
        name: gateway.name.clone(),
        url: gateway.url.clone(),
        has_token: gateway.token_sealed.is_some(),
        token: None,
        workspace_root: gateway.workspace_root.clone(),
        allow_insecure_tls: gateway.allow_insecure_tls,
        disable_device_pairing: gateway.disable_device_pairing,
        created_at: Some(encode::time(gateway.created_at)),
        updated_at: Some(encode::time(gateway.updated_at)),
    }
}

/// An agent as it is at this moment, without what only administrators see.
pub(crate) fn agent(agent: &Agent, now: DateTime<Utc>) -> wire::Agent {
    wire::Agent {
        id: agent.id.to_string(),
        board_id: encode::optional_id(agent.board_id),
        gateway_id: agent.gateway_id.to_string(),
        name: agent.name.clone(),
        status: status(agent.status(now)).into(),
        is_board_lead: agent.is_board_lead,
        is_gateway_main: agent.role() == Role::Main,
        openclaw_session_id: Some(agent.session_key()),
        heartbeat_config: encode::to_struct(&agent.heartbeat_config),
        identity_profile: agent.identity_profile.as_ref().and_then(encode::to_struct),
        identity_template: agent.identity_template.clone(),
        soul_template: agent.soul_template.clone(),
        last_seen_at: encode::optional_time(agent.last_seen_at),
        created_at: Some(encode::time(agent.created_at)),
        updated_at: Some(encode::time(agent.updated_at)),
        last_error: None,
        phase: phase(agent.phase).into(),
        wake_attempts: None,
        last_wake_sent_at: None,
        checkin_deadline_at: None,
        is_imported: agent.is_imported(),
    }
}

/// An agent as administrators see it.
pub(crate) fn agent_for_admin(given: &Agent, now: DateTime<Utc>) -> wire::Agent {
    wire::Agent {
        last_error: given.last_error.clone(),
        wake_attempts: Some(given.wake.attempts),
        last_wake_sent_at: encode::optional_time(given.wake.sent_at),
        checkin_deadline_at: encode::optional_time(given.wake.deadline_at),
        ..agent(given, now)
    }
}

/// An agent as its peers know it.
pub(crate) fn agent_ref(agent: &Agent) -> wire::AgentRef {
    wire::AgentRef {
        id: agent.id.to_string(),
        organization_id: agent.organization_id.to_string(),
        gateway_id: agent.gateway_id.to_string(),
        board_id: encode::optional_id(agent.board_id),
        name: agent.name.clone(),
        is_board_lead: agent.is_board_lead,
    }
}

pub(crate) fn status(status: Status) -> wire::AgentStatus {
    match status {
        Status::Pending => wire::AgentStatus::Pending,
        Status::Provisioning => wire::AgentStatus::Provisioning,
        Status::Updating => wire::AgentStatus::Updating,
        Status::Ready => wire::AgentStatus::Ready,
        Status::Online => wire::AgentStatus::Online,
        Status::Offline => wire::AgentStatus::Offline,
        Status::Deleting => wire::AgentStatus::Deleting,
        Status::Failed => wire::AgentStatus::Failed,
        Status::Waking => wire::AgentStatus::Waking,
    }
}

fn phase(phase: Phase) -> wire::AgentPhase {
    match phase {
        Phase::Pending => wire::AgentPhase::Pending,
        Phase::Provisioning => wire::AgentPhase::Provisioning,
        Phase::Updating => wire::AgentPhase::Updating,
        Phase::Ready => wire::AgentPhase::Ready,
        Phase::Deleting => wire::AgentPhase::Deleting,
        Phase::Failed => wire::AgentPhase::Failed,
    }
}

pub(crate) fn notice(notice: &Notice) -> wire::Notice {
    let state = match notice.state {
        State::Waiting => wire::NoticeState::Waiting,
        State::Sent => wire::NoticeState::Sent,
        State::Failed => wire::NoticeState::Failed,
        State::Dead => wire::NoticeState::Dead,
    };
    wire::Notice {
        id: notice.id.to_string(),
        kind: notice.kind.clone(),
        task_id: encode::optional_id(notice.task_id),
        agent_id: notice.agent_id.to_string(),
        state: state.into(),
        attempts: notice.attempts,
        last_error: notice.last_error.clone(),
        created_at: Some(encode::time(notice.created_at)),
        sent_at: encode::optional_time(notice.sent_at),
        next_attempt_at: encode::optional_time(notice.next_attempt_at),
        board_id: encode::optional_id(notice.board_id),
        from_agent_id: encode::optional_id(notice.from_agent_id),
        agent_name: notice.agent_name.clone(),
    }
}
