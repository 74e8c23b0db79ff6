//! Events that this service tells.

use chrono::{DateTime, Utc};
use proto::event::v1::{self as event, Actor, Event, event::Payload};
use uuid::Uuid;

use crate::{
    agent::Agent,
    gateway::Gateway,
    notice::Notice,
    onboarding::{Move, Onboarding},
    sync::{Entry, Sync},
};

/// `gateway.created`
pub(crate) fn gateway_created(actor: Actor, gateway: &Gateway, at: DateTime<Utc>) -> Event {
    let payload = Payload::GatewayCreated(event::GatewayCreated {
        gateway: Some(super::gateway(gateway)),
    });
    bus::event(actor, gateway.organization_id, at, payload).build()
}

/// `gateway.updated`
pub(crate) fn gateway_updated(
    actor: Actor,
    gateway: &Gateway,
    changed_fields: Vec<String>,
    at: DateTime<Utc>,
) -> Event {
    let gateway_wire = Some(super::gateway(gateway));
    let payload = Payload::GatewayUpdated(event::GatewayUpdated {
        gateway: gateway_wire,
        changed_fields,
    });
    bus::event(actor, gateway.organization_id, at, payload).build()
}

/// `gateway.deleted`
pub(crate) fn gateway_deleted(actor: Actor, gateway: &Gateway, at: DateTime<Utc>) -> Event {
    let payload = Payload::GatewayDeleted(event::GatewayDeleted {
        gateway: Some(super::gateway(gateway)),
    });
    bus::event(actor, gateway.organization_id, at, payload).build()
}

/// `gateway.templates_sync_started`, or `gateway.templates_synced`
pub(crate) fn templates_synced(
    actor: Actor,
    sync: &Sync,
    entries: &[Entry],
    finished: bool,
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::TemplatesSynced(event::TemplatesSynced {
        sync: Some(super::sync::sync(sync, entries)),
        finished,
    });
    bus::event(actor, sync.organization_id, at, payload).build()
}

/// `agent.created`
pub(crate) fn agent_created(actor: Actor, agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentCreated(event::AgentCreated {
        agent: Some(super::agent(agent, at)),
    });
    about(actor, agent, at, payload)
}

/// `agent.updated`
pub(crate) fn agent_updated(
    actor: Actor,
    agent: &Agent,
    changed: &[&str],
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::AgentUpdated(event::AgentUpdated {
        agent: Some(super::agent(agent, at)),
        changed_fields: changed.iter().map(|&field| field.to_owned()).collect(),
        from_board_id: None,
    });
    about(actor, agent, at, payload)
}

/// `agent.updated` of an agent that moved to another board
pub(crate) fn agent_moved(
    actor: Actor,
    agent: &Agent,
    from_board_id: Uuid,
    changed: &[&str],
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::AgentUpdated(event::AgentUpdated {
        agent: Some(super::agent(agent, at)),
        changed_fields: changed.iter().map(|&field| field.to_owned()).collect(),
        from_board_id: Some(from_board_id.to_string()),
    });
    about(actor, agent, at, payload)
}

/// `agent.provisioned`
pub(crate) fn agent_provisioned(agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentProvisioned(event::AgentProvisioned {
        agent: Some(super::agent(agent, at)),
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.provision_failed`
pub(crate) fn agent_provision_failed(agent: &Agent, reason: &str, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentProvisionFailed(event::AgentProvisionFailed {
        agent: Some(super::agent(agent, at)),
        reason: reason.to_owned(),
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.checked_in`
pub(crate) fn agent_checked_in(agent: &Agent, at: DateTime<Utc>) -> Event {
    let actor = Actor {
        kind: event::ActorKind::Agent.into(),
        id: Some(agent.id.to_string()),
        name: agent.name.clone(),
    };
    let payload = Payload::AgentCheckedIn(event::AgentCheckedIn {
        agent: Some(super::agent(agent, at)),
    });
    about(actor, agent, at, payload)
}

/// `agent.token_changed`
pub(crate) fn agent_token_changed(agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentTokenChanged(event::AgentTokenChanged {
        agent_id: agent.id.to_string(),
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.retiring`
pub(crate) fn agent_retiring(actor: Actor, agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentRetiring(event::AgentRetiring {
        agent: Some(super::agent(agent, at)),
    });
    about(actor, agent, at, payload)
}

/// `agent.unlinked`
pub(crate) fn agent_unlinked(actor: Actor, agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentUnlinked(event::AgentUnlinked {
        agent: Some(super::agent(agent, at)),
    });
    about(actor, agent, at, payload)
}

/// `agent.wakeup.sent`
pub(crate) fn agent_woken(agent: &Agent, attempt: i32, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentWoken(event::AgentWoken {
        agent: Some(super::agent(agent, at)),
        attempt,
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.silent`
pub(crate) fn agent_silent(agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentSilent(event::AgentSilent {
        agent: Some(super::agent(agent, at)),
        attempts: agent.wake.attempts,
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.offline`
pub(crate) fn agent_went_offline(agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentWentOffline(event::AgentWentOffline {
        agent: Some(super::agent(agent, at)),
    });
    about(chassis::caller::system_actor(), agent, at, payload)
}

/// `agent.deleted`
pub(crate) fn agent_deleted(actor: Actor, agent: &Agent, at: DateTime<Utc>) -> Event {
    let payload = Payload::AgentDeleted(event::AgentDeleted {
        agent: Some(super::agent(agent, at)),
    });
    about(actor, agent, at, payload)
}

/// That somebody was told, or could not be
pub(crate) fn notice_settled(
    notice: &Notice,
    organization_id: Uuid,
    sent: bool,
    at: DateTime<Utc>,
) -> Event {
    let wire = Some(super::notice(notice));
    let payload = if sent {
        Payload::NoticeSent(event::NoticeSent { notice: wire })
    } else {
        Payload::NoticeDead(event::NoticeDead { notice: wire })
    };
    let draft = bus::event(
        chassis::caller::system_actor(),
        organization_id,
        at,
        payload,
    );
    // Of what an agent wrote, the log says who wrote it.
    let draft = draft.agent(notice.from_agent_id.unwrap_or(notice.agent_id));
    let draft = match notice.board_id {
        Some(board_id) => draft.board(board_id),
        None => draft,
    };
    match notice.task_id {
        Some(task_id) => draft.task(task_id).build(),
        None => draft.build(),
    }
}

/// What happened to an onboarding; without a move it began. What was said stays out of it.
pub(crate) fn onboarding_changed(
    actor: Actor,
    it: &Onboarding,
    made: Option<Move>,
    at: DateTime<Utc>,
) -> Event {
    let change = match made {
        None => event::OnboardingChange::Started,
        Some(Move::Ask) => event::OnboardingChange::Asked,
        Some(Move::Draft) => event::OnboardingChange::Completed,
        Some(Move::Answer) => event::OnboardingChange::Answered,
        Some(Move::Confirm) => event::OnboardingChange::Confirmed,
        Some(Move::Cancel) => event::OnboardingChange::Cancelled,
        Some(Move::Expire) => event::OnboardingChange::Expired,
    };
    let payload = Payload::OnboardingChanged(event::OnboardingChanged {
        onboarding_id: it.id.to_string(),
        board_id: it.board_id.to_string(),
        change: change.into(),
        status: super::onboarding::status(it.status).into(),
    });
    bus::event(actor, it.organization_id, at, payload)
        .board(it.board_id)
        .build()
}

fn about(actor: Actor, agent: &Agent, at: DateTime<Utc>, payload: Payload) -> Event {
    let draft = bus::event(actor, agent.organization_id, at, payload).agent(agent.id);
    match agent.board_id {
        Some(board_id) => draft.board(board_id).build(),
        None => draft.build(),
    }
}
