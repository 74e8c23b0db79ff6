//! Making an event: the facts of the caller, the rest from the payload and the request that is being served.

use chrono::{DateTime, Utc};
use proto::event::v1::{Actor, Event, event::Payload};
use uuid::Uuid;

/// An event that may still be told what it concerns.
#[derive(Clone, Debug)]
pub struct Draft(Event);

/// Begins an event: who did what, in which organization, when.
pub fn event(actor: Actor, organization_id: Uuid, at: DateTime<Utc>, payload: Payload) -> Draft {
    Draft(Event {
        id: String::new(),
        r#type: topic_of(&payload).to_owned(),
        occurred_at: Some(chassis::encode::time(at)),
        actor: Some(actor),
        organization_id: organization_id.to_string(),
        board_id: None,
        task_id: None,
        agent_id: None,
        request_id: None,
        traceparent: None,
        payload: Some(payload),
    })
}

impl Draft {
    /// The board that it concerns.
    #[must_use]
    pub fn board(mut self, id: Uuid) -> Self {
        self.0.board_id = Some(id.to_string());
        self
    }

    /// The task that it concerns.
    #[must_use]
    pub fn task(mut self, id: Uuid) -> Self {
        self.0.task_id = Some(id.to_string());
        self
    }

    /// The agent that it concerns.
    #[must_use]
    pub fn agent(mut self, id: Uuid) -> Self {
        self.0.agent_id = Some(id.to_string());
        self
    }

    /// Finishes it with an id of its own (UUID v7) and the request and trace that cause it.
    pub fn build(self) -> Event {
        let context = chassis::context::current();
        Event {
            id: Uuid::now_v7().to_string(),
            request_id: context.request_id,
            traceparent: context.traceparent,
            ..self.0
        }
    }
}

/// The topic of an event, `<thing>.<what happened>`: its `type`, and its routing key on the bus.
pub fn topic_of(payload: &Payload) -> &'static str {
    match payload {
        Payload::OrganizationCreated(_) => "organization.created",
        Payload::UserCreated(_) => "user.created",
        Payload::ActiveOrganizationChanged(_) => "user.active_organization_changed",
        Payload::BoardCreated(_) => "board.created",
        Payload::BoardUpdated(_) => "board.updated",
        Payload::TaskCreated(_) => "task.created",
        Payload::TaskUpdated(_) => "task.updated",
        Payload::TaskStatusChanged(_) => "task.status_changed",
        Payload::TaskDeleted(_) => "task.deleted",
        Payload::TaskCommented(_) => "task.comment",
        Payload::ApprovalCreated(_) => "approval.created",
        Payload::ApprovalResolved(_) => "approval.resolved",
        Payload::GatewayCreated(_) => "gateway.created",
        Payload::GatewayUpdated(_) => "gateway.updated",
        Payload::AgentCreated(_) => "agent.created",
        Payload::AgentUpdated(_) => "agent.updated",
        Payload::AgentProvisioned(_) => "agent.provisioned",
        Payload::AgentProvisionFailed(_) => "agent.provision_failed",
        Payload::AgentCheckedIn(_) => "agent.checked_in",
        Payload::AgentTokenChanged(_) => "agent.token_changed",
        Payload::NoticeSent(_) => "notice.sent",
        Payload::NoticeDead(_) => "notice.dead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::event::v1::{ActorKind, AgentTokenChanged};

    #[test]
    fn an_event_carries_the_request_that_causes_it() {
        let actor = Actor {
            kind: ActorKind::System.into(),
            id: None,
            name: "Mission Control".to_owned(),
        };
        let (organization, agent, board) =
            (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let payload = Payload::AgentTokenChanged(AgentTokenChanged {
            agent_id: agent.to_string(),
        });
        let draft = event(
            actor.clone(),
            organization,
            DateTime::UNIX_EPOCH,
            payload.clone(),
        );
        let context = chassis::context::Context {
            request_id: Some("request-1".to_owned()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        };
        let built = futures::executor::block_on(chassis::context::scope(context.clone(), async {
            draft.agent(agent).board(board).build()
        }));
        let expected = Event {
            id: built.id.clone(),
            r#type: "agent.token_changed".to_owned(),
            occurred_at: Some(chassis::encode::time(DateTime::UNIX_EPOCH)),
            actor: Some(actor),
            organization_id: organization.to_string(),
            board_id: Some(board.to_string()),
            task_id: None,
            agent_id: Some(agent.to_string()),
            request_id: context.request_id,
            traceparent: context.traceparent,
            payload: Some(payload),
        };
        assert_eq!(built, expected);
        assert_eq!(Uuid::parse_str(&built.id).unwrap().get_version_num(), 7);
    }
}
