//! A task: a piece of work on a board.

pub(crate) mod cascade;
pub(crate) mod change;
pub(crate) mod creation;
pub(crate) mod gate;
pub(crate) mod patch;
pub(crate) mod refusal;
pub(crate) mod revision;
pub(crate) mod transition;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{custom_field::values::Values, tag::Badge};

pub(crate) use refusal::Refusal;

/// Most dependencies that one task may have.
pub(crate) const MAX_DEPENDENCIES: usize = 100;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Inbox,
    InProgress,
    Review,
    Done,
}

impl Status {
    pub(crate) const ALL: [Self; 4] = [Self::Inbox, Self::InProgress, Self::Review, Self::Done];

    /// The word for it, on REST and in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::InProgress => "in_progress",
            Self::Review => "review",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// How urgent a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    Low,
    Medium,
    High,
    Urgent,
}

impl Priority {
    pub(crate) const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Urgent];

    /// The word for it, on REST and in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == word)
    }
}

/// A piece of work as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) assigned_agent_id: Option<Uuid>,
    pub(crate) created_by_user_id: Option<Uuid>,
    pub(crate) created_by_agent_id: Option<Uuid>,
    /// When work began; none outside `in_progress`.
    pub(crate) in_progress_at: Option<DateTime<Utc>>,
    /// First moment of work in this cycle.
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) status_changed_at: DateTime<Utc>,
    /// The worker that last moved it to review.
    pub(crate) last_worker_id: Option<Uuid>,
    /// In the order given.
    pub(crate) depends_on: Vec<Uuid>,
    /// Those of them that are not done; empty for a task that is done itself.
    pub(crate) blocked_by: Vec<Uuid>,
    /// Of a task that is done: dependencies that were reopened since, in the order of its list.
    pub(crate) stale_by: Vec<Uuid>,
    /// In the order given.
    pub(crate) tags: Vec<Badge>,
    /// What it says in the custom fields of its board.
    pub(crate) values: Values,
    /// Grows when the task leaves `done`.
    pub(crate) cycle: i32,
    /// Grows with every change of the task.
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Task {
    /// Whether a change lifts the task over the border of `done`, either way.
    pub(crate) fn crosses_done(&self, after: &Self) -> bool {
        (self.status == Status::Done) != (after.status == Status::Done)
    }

    /// How long it has been in its status.
    pub(crate) fn time_in_status(&self, now: DateTime<Utc>) -> TimeDelta {
        now - self.status_changed_at
    }

    /// Names of the fields in which the two differ, as the contract names them. What follows from a status alone
    /// (`in_progress_at`, `cycle`) and the housekeeping (`version`, `updated_at`) do not count.
    pub(crate) fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        let differs = [
            ("title", self.title != after.title),
            ("description", self.description != after.description),
            ("status", self.status != after.status),
            ("priority", self.priority != after.priority),
            ("due_at", self.due_at != after.due_at),
            (
                "assigned_agent_id",
                self.assigned_agent_id != after.assigned_agent_id,
            ),
            ("depends_on_task_ids", self.depends_on != after.depends_on),
            ("blocked_by_task_ids", self.blocked_by != after.blocked_by),
            ("stale_by_task_ids", self.stale_by != after.stale_by),
            ("tag_ids", !self.tag_ids().eq(after.tag_ids())),
            ("custom_field_values", self.values.own != after.values.own),
        ];
        differs
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect()
    }

    /// Its tags, in order.
    pub(crate) fn tag_ids(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.tags.iter().map(|badge| badge.id)
    }

    /// Marks the task as changed now.
    pub(crate) fn touch(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod walk;
