//! Making an event: the facts of the caller, the rest from the payload and the request that is being served.

use chrono::{DateTime, Utc};
use proto::{
    agent::v1::Notice,
    event::v1::{Actor, Change, Event, OnboardingChange, event::Payload},
};
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
        Payload::OrganizationUpdated(_) => "organization.updated",
        Payload::OrganizationDeleted(_) => "organization.deleted",
        Payload::OrganizationSettingsChanged(_) => "organization.settings_changed",
        Payload::UserUpdated(_) => "user.updated",
        Payload::UserDeleted(_) => "user.deleted",
        Payload::MemberAdded(_) => "member.added",
        Payload::MemberRoleChanged(_) => "member.role_changed",
        Payload::MemberAccessChanged(_) => "member.access_changed",
        Payload::MemberRemoved(_) => "member.removed",
        Payload::InviteCreated(_) => "invite.created",
        Payload::InviteResent(_) => "invite.resent",
        Payload::InviteRevoked(_) => "invite.revoked",
        Payload::InviteAccepted(_) => "invite.accepted",
        Payload::ApiTokenCreated(_) => "api_token.created",
        Payload::ApiTokenRevoked(_) => "api_token.revoked",
        Payload::BoardCreated(_) => "board.created",
        Payload::BoardUpdated(_) => "board.updated",
        Payload::BoardDeleted(_) => "board.deleted",
        Payload::BoardPaused(_) => "board.paused",
        Payload::BoardResumed(_) => "board.resumed",
        Payload::BoardGroupCreated(_) => "board_group.created",
        Payload::BoardGroupUpdated(_) => "board_group.updated",
        Payload::BoardGroupDeleted(_) => "board_group.deleted",
        Payload::TagCreated(_) => "tag.created",
        Payload::TagUpdated(_) => "tag.updated",
        Payload::TagDeleted(_) => "tag.deleted",
        Payload::CustomFieldCreated(_) => "custom_field.created",
        Payload::CustomFieldUpdated(_) => "custom_field.updated",
        Payload::CustomFieldDeleted(_) => "custom_field.deleted",
        Payload::BoardMemoryCreated(_) => "board.memory_created",
        Payload::GroupMemoryCreated(_) => "board_group.memory_created",
        Payload::TaskCreated(_) => "task.created",
        Payload::TaskUpdated(_) => "task.updated",
        Payload::TaskStatusChanged(_) => "task.status_changed",
        Payload::TaskDeleted(_) => "task.deleted",
        Payload::TaskCommented(_) => "task.comment",
        Payload::ApprovalCreated(_) => "approval.created",
        Payload::ApprovalResolved(_) => "approval.resolved",
        Payload::ApprovalVoted(_) => "approval.voted",
        Payload::ApprovalReopened(_) => "approval.reopened",
        Payload::ApprovalExpired(_) => "approval.expired",
        Payload::ApprovalUnlinked(_) => "approval.unlinked",
        Payload::ApprovalPolicyCreated(_) => "approval_policy.created",
        Payload::ApprovalPolicyUpdated(_) => "approval_policy.updated",
        Payload::ApprovalPolicyDeleted(_) => "approval_policy.deleted",
        Payload::GatewayCreated(_) => "gateway.created",
        Payload::GatewayUpdated(_) => "gateway.updated",
        Payload::GatewayDeleted(_) => "gateway.deleted",
        Payload::AgentCreated(_) => "agent.created",
        Payload::AgentUpdated(_) => "agent.updated",
        Payload::AgentProvisioned(_) => "agent.provisioned",
        Payload::AgentProvisionFailed(_) => "agent.provision_failed",
        Payload::AgentCheckedIn(_) => "agent.checked_in",
        Payload::AgentTokenChanged(_) => "agent.token_changed",
        Payload::AgentDeleted(_) => "agent.deleted",
        Payload::AgentRetiring(_) => "agent.retiring",
        Payload::AgentUnlinked(_) => "agent.unlinked",
        Payload::AgentWoken(_) => "agent.wakeup.sent",
        Payload::AgentSilent(_) => "agent.silent",
        Payload::AgentWentOffline(_) => "agent.offline",
        Payload::AgentSoulUpdated(_) => "agent.soul.updated",
        Payload::TemplatesSynced(payload) if payload.finished => "gateway.templates_synced",
        Payload::TemplatesSynced(_) => "gateway.templates_sync_started",
        Payload::OnboardingChanged(payload) => onboarding(payload.change()),
        Payload::SkillPackChanged(payload) => pack(payload.change()),
        Payload::SkillChanged(payload) => skill(payload.change()),
        Payload::SkillInstallChanged(_) => "skill.install_changed",
        Payload::NoticeSent(payload) => told(payload.notice.as_ref()).0,
        Payload::NoticeDead(payload) => told(payload.notice.as_ref()).1,
    }
}

fn onboarding(change: OnboardingChange) -> &'static str {
    match change {
        OnboardingChange::Unspecified => "onboarding.changed",
        OnboardingChange::Started => "onboarding.started",
        OnboardingChange::Answered => "onboarding.answered",
        OnboardingChange::Asked => "onboarding.asked",
        OnboardingChange::Completed => "onboarding.completed",
        OnboardingChange::Confirmed => "onboarding.confirmed",
        OnboardingChange::Cancelled => "onboarding.cancelled",
        OnboardingChange::Expired => "onboarding.expired",
    }
}

fn pack(change: Change) -> &'static str {
    match change {
        Change::Created => "skill_pack.created",
        Change::Deleted => "skill_pack.deleted",
        Change::Synced => "skill_pack.synced",
        Change::SyncFailed => "skill_pack.sync_failed",
        Change::Updated | Change::Unspecified => "skill_pack.updated",
    }
}

fn skill(change: Change) -> &'static str {
    match change {
        Change::Created => "skill.created",
        Change::Deleted => "skill.deleted",
        Change::Updated | Change::Synced | Change::SyncFailed | Change::Unspecified => {
            "skill.updated"
        }
    }
}

/// What it is called when somebody was told, and when nobody could be, by what the notice is about.
fn told(notice: Option<&Notice>) -> (&'static str, &'static str) {
    match notice.map_or("", |notice| notice.kind.as_str()) {
        "task_assigned" | "task_ready_for_review" => {
            ("task.assignee_notified", "task.assignee_notify_failed")
        }
        "task_changes_requested" => ("task.rework_notified", "task.rework_notify_failed"),
        "task_created" => ("task.lead_notified", "task.lead_notify_failed"),
        "task_back_in_inbox" => (
            "task.lead_unassigned_notified",
            "task.lead_unassigned_notify_failed",
        ),
        "task_comment" => ("task.comment_notified", "task.comment_notify_failed"),
        "approval_resolved" => ("approval.lead_notified", "approval.lead_notify_failed"),
        "board_updated" => ("board.lead_notified", "board.lead_notify_failed"),
        "board_group_join" => (
            "board.group.join.notified",
            "board.group.join.notify_failed",
        ),
        "board_group_leave" => (
            "board.group.leave.notified",
            "board.group.leave.notify_failed",
        ),
        "board_chat" | "board_command" => ("board.chat_notified", "board.chat_notify_failed"),
        "group_chat" | "group_broadcast" => (
            "board.group.chat_notified",
            "board.group.chat_notify_failed",
        ),
        "nudge" => ("agent.nudge.sent", "agent.nudge.failed"),
        "ask_user" => ("gateway.lead.ask_user.sent", "gateway.lead.ask_user.failed"),
        "lead_message" => (
            "gateway.main.lead_message.sent",
            "gateway.main.lead_message.failed",
        ),
        "lead_broadcast" => (
            "gateway.main.lead_broadcast.sent",
            "gateway.main.lead_broadcast.failed",
        ),
        "onboarding" => ("onboarding.prompt.sent", "onboarding.prompt.failed"),
        "skill_install" => ("skill.install.sent", "skill.install.failed"),
        "skill_uninstall" => ("skill.uninstall.sent", "skill.uninstall.failed"),
        _ => ("agent.notified", "agent.notify_failed"),
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
