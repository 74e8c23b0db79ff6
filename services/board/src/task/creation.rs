//! A new task: in the inbox or, with an assignee and nothing to wait for, at work. No gate is passed by being born
//! behind it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Priority, Refusal, Status, Task,
    transition::{self, Mover},
};
use crate::{
    custom_field::{
        CustomField,
        values::{Named, Occasion, Values},
    },
    roster::Roster,
    tag::Badge,
};

/// A task that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) assignee: Option<Uuid>,
    /// Without repeats.
    pub(crate) depends_on: Vec<Uuid>,
    /// Without repeats.
    pub(crate) tags: Vec<Uuid>,
    pub(crate) values: Named,
}

/// What a new task hangs on, found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// Dependencies that are not done.
    pub(crate) open: &'a [Uuid],
    pub(crate) roster: &'a Roster,
    /// The tags of the draft.
    pub(crate) tags: &'a [Badge],
    /// The fields of the board.
    pub(crate) fields: &'a [CustomField],
}

/// Where a task is born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Birthplace {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) board_id: Uuid,
}

/// The new task, or why not.
pub(crate) fn create(
    mover: Mover,
    at: Birthplace,
    draft: Draft,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Task, Refusal> {
    judge_status(&draft)?;
    let Facts {
        open,
        roster,
        tags,
        fields,
    } = *facts;
    if !open.is_empty() && (draft.status != Status::Inbox || draft.assignee.is_some()) {
        return Err(Refusal::Blocked { by: open.to_vec() });
    }
    if let Some(assignee) = draft.assignee {
        roster.judge_assignee(assignee, mover)?;
    }
    let values = Values::default().filled(fields, &draft.values, Occasion::Creation)?;
    let mut task = Task {
        id: at.id,
        organization_id: at.organization_id,
        board_id: at.board_id,
        title: draft.title,
        description: draft.description,
        status: Status::Inbox,
        priority: draft.priority,
        due_at: draft.due_at,
        assigned_agent_id: draft.assignee,
        created_by_user_id: mover.user_id(),
        created_by_agent_id: mover.agent_id(),
        in_progress_at: None,
        started_at: None,
        status_changed_at: now,
        last_worker_id: None,
        depends_on: draft.depends_on,
        blocked_by: open.to_vec(),
        stale_by: Vec::new(),
        tags: tags.to_vec(),
        values,
        cycle: 1,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    transition::enter(&mut task, draft.status, draft.assignee, mover, now);
    Ok(task)
}

/// Judges the status that a draft asks for, before anything else is asked.
pub(crate) fn judge_status(draft: &Draft) -> Result<(), Refusal> {
    match draft.status {
        Status::Inbox => Ok(()),
        Status::InProgress if draft.assignee.is_some() => Ok(()),
        Status::InProgress | Status::Review | Status::Done => Err(Refusal::NotCreatable),
    }
}
