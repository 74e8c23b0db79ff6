//! What events change in the state that figures and names are drawn from.

use chrono::{DateTime, Utc};
use prost_types::value::Kind;
use proto::{
    agent::v1::{Agent, AgentStatus},
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Board, BoardGroup, Task, TaskStatus},
    event::v1::{Event, event::Payload},
};
use uuid::Uuid;

use crate::{entry::Entry, wire};

/// A board after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardState {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) gateway_id: Option<Uuid>,
    pub(crate) board_group_id: Option<Uuid>,
    pub(crate) version: i64,
}

/// A task after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskState {
    pub(crate) id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) title: String,
    pub(crate) status: &'static str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
    pub(crate) cycle: i32,
    /// First moment of work in the cycle, as far as the event tells.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// Set when the event completed the task.
    pub(crate) done_at: Option<DateTime<Utc>>,
}

/// An agent after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentState {
    pub(crate) id: Uuid,
    pub(crate) board_id: Option<Uuid>,
    pub(crate) status: &'static str,
    pub(crate) last_seen_at: Option<DateTime<Utc>>,
    pub(crate) name: String,
    pub(crate) role: Option<String>,
}

/// A group after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub(crate) id: Uuid,
    pub(crate) name: String,
}

/// An approval after the event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApprovalState {
    pub(crate) id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) action_type: String,
    pub(crate) confidence: f64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) task_title: Option<String>,
    pub(crate) version: i64,
    pub(crate) is_pending: bool,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Board(BoardState),
    BoardDeleted(BoardState),
    Group(GroupState),
    GroupDeleted(GroupState),
    Task(TaskState),
    TaskDeleted(TaskState),
    Agent(AgentState),
    AgentDeleted(AgentState),
    Approval(ApprovalState),
    /// How many days of what its events say the organization keeps.
    Retention(Option<i32>),
    OrganizationDeleted,
}

/// What the event changes; `None` when figures and names do not depend on it.
pub(crate) fn of(event: &Event, entry: &Entry) -> anyhow::Result<Option<Change>> {
    let Some(payload) = &event.payload else {
        return Ok(None);
    };
    Ok(match payload {
        Payload::BoardCreated(p) => board(p.board.as_ref())?.map(Change::Board),
        Payload::BoardUpdated(p) => board(p.board.as_ref())?.map(Change::Board),
        Payload::BoardPaused(p) => board(p.board.as_ref())?.map(Change::Board),
        Payload::BoardResumed(p) => board(p.board.as_ref())?.map(Change::Board),
        Payload::BoardDeleted(p) => board(p.board.as_ref())?.map(Change::BoardDeleted),
        Payload::BoardGroupCreated(p) => group(p.group.as_ref())?.map(Change::Group),
        Payload::BoardGroupUpdated(p) => group(p.group.as_ref())?.map(Change::Group),
        Payload::BoardGroupDeleted(p) => group(p.group.as_ref())?.map(Change::GroupDeleted),
        Payload::TaskCreated(p) => task(p.task.as_ref(), entry, None)?.map(Change::Task),
        Payload::TaskUpdated(p) => task(p.task.as_ref(), entry, None)?.map(Change::Task),
        Payload::TaskStatusChanged(p) => {
            task(p.task.as_ref(), entry, wire::time(p.started_at.as_ref())?)?.map(Change::Task)
        }
        Payload::TaskDeleted(p) => task(p.task.as_ref(), entry, None)?.map(Change::TaskDeleted),
        Payload::ApprovalCreated(p) => approval(p.approval.as_ref(), false)?,
        Payload::ApprovalResolved(p) => approval(p.approval.as_ref(), false)?,
        Payload::ApprovalVoted(p) => approval(p.approval.as_ref(), false)?,
        Payload::ApprovalReopened(p) => approval(p.approval.as_ref(), false)?,
        Payload::ApprovalExpired(p) => approval(p.approval.as_ref(), false)?,
        Payload::ApprovalUnlinked(p) => approval(p.approval.as_ref(), p.withdrawn)?,
        Payload::AgentCreated(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentUpdated(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentProvisioned(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentProvisionFailed(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentCheckedIn(p) => {
            agent(p.agent.as_ref(), Some(entry.occurred_at))?.map(Change::Agent)
        }
        Payload::AgentWoken(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentSilent(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentWentOffline(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentSoulUpdated(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentRetiring(p) => agent(p.agent.as_ref(), None)?.map(Change::Agent),
        Payload::AgentUnlinked(p) => agent(p.agent.as_ref(), None)?.map(Change::AgentDeleted),
        Payload::AgentDeleted(p) => agent(p.agent.as_ref(), None)?.map(Change::AgentDeleted),
        Payload::OrganizationSettingsChanged(p) => p.settings.as_ref().map(|settings| {
            let days = settings.event_retention_days;
            Change::Retention(days.filter(|days| (1..=3650).contains(days)))
        }),
        Payload::OrganizationDeleted(_) => Some(Change::OrganizationDeleted),
        Payload::OrganizationCreated(_)
        | Payload::OrganizationUpdated(_)
        | Payload::UserCreated(_)
        | Payload::UserUpdated(_)
        | Payload::UserDeleted(_)
        | Payload::ActiveOrganizationChanged(_)
        | Payload::MemberAdded(_)
        | Payload::MemberRoleChanged(_)
        | Payload::MemberAccessChanged(_)
        | Payload::MemberRemoved(_)
        | Payload::InviteCreated(_)
        | Payload::InviteResent(_)
        | Payload::InviteRevoked(_)
        | Payload::InviteAccepted(_)
        | Payload::ApiTokenCreated(_)
        | Payload::ApiTokenRevoked(_)
        | Payload::TagCreated(_)
        | Payload::TagUpdated(_)
        | Payload::TagDeleted(_)
        | Payload::CustomFieldCreated(_)
        | Payload::CustomFieldUpdated(_)
        | Payload::CustomFieldDeleted(_)
        | Payload::BoardMemoryCreated(_)
        | Payload::GroupMemoryCreated(_)
        | Payload::TaskCommented(_)
        | Payload::ApprovalPolicyCreated(_)
        | Payload::ApprovalPolicyUpdated(_)
        | Payload::ApprovalPolicyDeleted(_)
        | Payload::GatewayCreated(_)
        | Payload::GatewayUpdated(_)
        | Payload::GatewayDeleted(_)
        | Payload::AgentTokenChanged(_)
        | Payload::TemplatesSynced(_)
        | Payload::OnboardingChanged(_)
        | Payload::SkillPackChanged(_)
        | Payload::SkillChanged(_)
        | Payload::SkillInstallChanged(_)
        | Payload::NoticeSent(_)
        | Payload::NoticeDead(_) => None,
    })
}

fn board(board: Option<&Board>) -> anyhow::Result<Option<BoardState>> {
    let Some(board) = board else { return Ok(None) };
    Ok(Some(BoardState {
        id: wire::id("board.id", &board.id)?,
        name: board.name.clone(),
        gateway_id: wire::optional_id("board.gateway_id", board.gateway_id.as_ref())?,
        board_group_id: wire::optional_id("board.board_group_id", board.board_group_id.as_ref())?,
        version: board.version,
    }))
}

fn group(group: Option<&BoardGroup>) -> anyhow::Result<Option<GroupState>> {
    let Some(group) = group else { return Ok(None) };
    Ok(Some(GroupState {
        id: wire::id("group.id", &group.id)?,
        name: group.name.clone(),
    }))
}

fn task(
    task: Option<&Task>,
    entry: &Entry,
    started_at: Option<DateTime<Utc>>,
) -> anyhow::Result<Option<TaskState>> {
    let Some(task) = task else { return Ok(None) };
    let status = match task.status() {
        TaskStatus::Inbox => "inbox",
        TaskStatus::InProgress => "in_progress",
        TaskStatus::Review => "review",
        TaskStatus::Done => "done",
        TaskStatus::Unspecified => return Ok(None),
    };
    let begun = match (started_at, status) {
        (Some(at), _) => Some(at),
        (None, "in_progress") => {
            Some(wire::time(task.in_progress_at.as_ref())?.unwrap_or(entry.occurred_at))
        }
        (None, _) => None,
    };
    Ok(Some(TaskState {
        id: wire::id("task.id", &task.id)?,
        board_id: wire::id("task.board_id", &task.board_id)?,
        title: task.title.clone(),
        status,
        created_at: wire::time(task.created_at.as_ref())?.unwrap_or(entry.occurred_at),
        updated_at: wire::time(task.updated_at.as_ref())?.unwrap_or(entry.occurred_at),
        version: task.version,
        cycle: task.cycle,
        started_at: begun,
        done_at: (status == "done").then_some(entry.occurred_at),
    }))
}

fn agent(agent: Option<&Agent>, seen: Option<DateTime<Utc>>) -> anyhow::Result<Option<AgentState>> {
    let Some(agent) = agent else { return Ok(None) };
    let status = match agent.status() {
        AgentStatus::Pending => "pending",
        AgentStatus::Provisioning => "provisioning",
        AgentStatus::Updating => "updating",
        AgentStatus::Ready => "ready",
        AgentStatus::Online => "online",
        AgentStatus::Offline => "offline",
        AgentStatus::Deleting => "deleting",
        AgentStatus::Failed => "failed",
        AgentStatus::Waking => "waking",
        AgentStatus::Unspecified => return Ok(None),
    };
    Ok(Some(AgentState {
        id: wire::id("agent.id", &agent.id)?,
        board_id: wire::optional_id("agent.board_id", agent.board_id.as_ref())?,
        status,
        last_seen_at: wire::time(agent.last_seen_at.as_ref())?.max(seen),
        name: agent.name.replace('\0', ""),
        role: role(agent),
    }))
}

/// `role` in the identity profile of an agent.
fn role(agent: &Agent) -> Option<String> {
    let value = agent.identity_profile.as_ref()?.fields.get("role")?;
    let Some(Kind::StringValue(role)) = &value.kind else {
        return None;
    };
    let role = role.replace('\0', "");
    Some(role.trim().to_owned()).filter(|role| !role.is_empty())
}

fn approval(approval: Option<&Approval>, withdrawn: bool) -> anyhow::Result<Option<Change>> {
    let Some(approval) = approval else {
        return Ok(None);
    };
    Ok(Some(Change::Approval(ApprovalState {
        id: wire::id("approval.id", &approval.id)?,
        board_id: wire::id("approval.board_id", &approval.board_id)?,
        action_type: approval.action_type.clone(),
        confidence: approval.confidence,
        created_at: wire::time(approval.created_at.as_ref())?.unwrap_or_default(),
        task_id: wire::optional_id("approval.task_id", approval.task_id.as_ref())?,
        task_title: approval.task_titles.first().cloned(),
        version: approval.version,
        is_pending: approval.status() == ApprovalStatus::Pending && !withdrawn,
    })))
}
