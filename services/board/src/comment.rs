//! A remark on a task. Never edited, never deleted.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::task::{Status, Task, transition::Mover};

/// Who wrote a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// None for somebody whose account is gone.
    User(Option<Uuid>),
    Agent(Uuid),
}

/// A remark as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: Uuid,
    pub(crate) task_id: Uuid,
    /// Cycle of the task in which it was written.
    pub(crate) cycle: i32,
    pub(crate) author: Author,
    pub(crate) author_name: String,
    pub(crate) message: String,
    /// Agents that the text mentions.
    pub(crate) mentions: Vec<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Whether somebody may comment on a task. A lead may while the task is in review, when it was mentioned on it, and on a
/// task of its own making.
pub(crate) fn is_admitted(writer: Mover, task: &Task, was_mentioned: bool) -> bool {
    match writer {
        Mover::Lead(id) => {
            task.status == Status::Review || task.created_by_agent_id == Some(id) || was_mentioned
        }
        Mover::User(_) | Mover::Worker(_) | Mover::System => true,
    }
}
