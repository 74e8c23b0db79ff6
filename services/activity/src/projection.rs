//! What events change in the state that figures are drawn from.

use chrono::{DateTime, Utc};
use proto::{
    agent::v1::{Agent, AgentStatus},
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Board, Task, TaskStatus},
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
}

/// An approval that waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) action_type: String,
    pub(crate) confidence: f64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) task_title: Option<String>,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Board(BoardState),
    Task(TaskState),
    TaskDeleted(TaskState),
    Agent(AgentState),
    Asked(Pending),
    Decided(Uuid),
}

/// What the event changes; `None` when figures do not depend on it.
pub(crate) fn of(event: &Event, entry: &Entry) -> anyhow::Result<Option<Change>> {
    let Some(payload) = &event.payload else {
        return Ok(None);
    };
    Ok(match payload {
        Payload::BoardCreated(p) => p.board.as_ref().map(board).transpose()?,
        Payload::BoardUpdated(p) => p.board.as_ref().map(board).transpose()?,
        Payload::TaskCreated(p) => task(p.task.as_ref(), entry, None)?.map(Change::Task),
        Payload::TaskUpdated(p) => task(p.task.as_ref(), entry, None)?.map(Change::Task),
        Payload::TaskStatusChanged(p) => {
            task(p.task.as_ref(), entry, wire::time(p.started_at.as_ref())?)?.map(Change::Task)
        }
        Payload::TaskDeleted(p) => task(p.task.as_ref(), entry, None)?.map(Change::TaskDeleted),
        Payload::ApprovalCreated(p) => p.approval.as_ref().map(approval).transpose()?,
        Payload::ApprovalResolved(p) => p.approval.as_ref().map(approval).transpose()?,
        Payload::AgentCreated(p) => agent(p.agent.as_ref(), None)?,
        Payload::AgentUpdated(p) => agent(p.agent.as_ref(), None)?,
        Payload::AgentProvisioned(p) => agent(p.agent.as_ref(), None)?,
        Payload::AgentProvisionFailed(p) => agent(p.agent.as_ref(), None)?,
        Payload::AgentCheckedIn(p) => agent(p.agent.as_ref(), Some(entry.occurred_at))?,
        _ => None,
    })
}

fn board(board: &Board) -> anyhow::Result<Change> {
    Ok(Change::Board(BoardState {
        id: wire::id("board.id", &board.id)?,
        name: board.name.clone(),
        gateway_id: wire::optional_id("board.gateway_id", board.gateway_id.as_ref())?,
        board_group_id: wire::optional_id("board.board_group_id", board.board_group_id.as_ref())?,
        version: board.version,
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

fn agent(agent: Option<&Agent>, seen: Option<DateTime<Utc>>) -> anyhow::Result<Option<Change>> {
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
        AgentStatus::Unspecified => return Ok(None),
    };
    Ok(Some(Change::Agent(AgentState {
        id: wire::id("agent.id", &agent.id)?,
        board_id: wire::optional_id("agent.board_id", agent.board_id.as_ref())?,
        status,
        last_seen_at: wire::time(agent.last_seen_at.as_ref())?.max(seen),
    })))
}

fn approval(approval: &Approval) -> anyhow::Result<Change> {
    let id = wire::id("approval.id", &approval.id)?;
    if approval.status() != ApprovalStatus::Pending {
        return Ok(Change::Decided(id));
    }
    Ok(Change::Asked(Pending {
        id,
        board_id: wire::id("approval.board_id", &approval.board_id)?,
        action_type: approval.action_type.clone(),
        confidence: approval.confidence,
        created_at: wire::time(approval.created_at.as_ref())?.unwrap_or_default(),
        task_id: wire::optional_id("approval.task_id", approval.task_id.as_ref())?,
        task_title: approval.task_titles.first().cloned(),
    }))
}
