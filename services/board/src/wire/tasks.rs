//! Tasks on the wire.

use chassis::{Fault, decode, encode};
use prost_types::Struct;
use proto::board::v1 as pb;

use super::{Named, known};
use crate::task::{MAX_DEPENDENCIES, Priority, Status, Task, creation::Draft, patch::Patch};

/// Most characters of a title.
const MAX_TITLE: usize = 500;
/// Most characters of a description.
const MAX_DESCRIPTION: usize = 50_000;
/// Most characters of a comment.
pub(crate) const MAX_COMMENT: usize = 20_000;

/// A task for its readers.
pub(crate) fn task(task: Task) -> pb::Task {
    pb::Task {
        id: task.id.to_string(),
        board_id: task.board_id.to_string(),
        title: task.title,
        description: task.description,
        status: to_status(task.status).into(),
        priority: to_priority(task.priority).into(),
        due_at: encode::optional_time(task.due_at),
        assigned_agent_id: encode::optional_id(task.assigned_agent_id),
        created_by_user_id: encode::optional_id(task.created_by_user_id),
        in_progress_at: encode::optional_time(task.in_progress_at),
        created_at: Some(encode::time(task.created_at)),
        updated_at: Some(encode::time(task.updated_at)),
        depends_on_task_ids: task.depends_on.iter().map(ToString::to_string).collect(),
        is_blocked: !task.blocked_by.is_empty(),
        blocked_by_task_ids: task.blocked_by.iter().map(ToString::to_string).collect(),
        tag_ids: Vec::new(),
        tags: Vec::new(),
        custom_field_values: Some(Struct::default()),
        version: task.version,
        cycle: task.cycle,
        created_by_agent_id: encode::optional_id(task.created_by_agent_id),
    }
}

pub(crate) const fn to_status(status: Status) -> pb::TaskStatus {
    match status {
        Status::Inbox => pb::TaskStatus::Inbox,
        Status::InProgress => pb::TaskStatus::InProgress,
        Status::Review => pb::TaskStatus::Review,
        Status::Done => pb::TaskStatus::Done,
    }
}

const fn from_status(status: pb::TaskStatus) -> Option<Status> {
    match status {
        pb::TaskStatus::Unspecified => None,
        pb::TaskStatus::Inbox => Some(Status::Inbox),
        pb::TaskStatus::InProgress => Some(Status::InProgress),
        pb::TaskStatus::Review => Some(Status::Review),
        pb::TaskStatus::Done => Some(Status::Done),
    }
}

const fn to_priority(priority: Priority) -> pb::TaskPriority {
    match priority {
        Priority::Low => pb::TaskPriority::Low,
        Priority::Medium => pb::TaskPriority::Medium,
        Priority::High => pb::TaskPriority::High,
        Priority::Urgent => pb::TaskPriority::Urgent,
    }
}

const fn from_priority(priority: pb::TaskPriority) -> Option<Priority> {
    match priority {
        pb::TaskPriority::Unspecified => None,
        pb::TaskPriority::Low => Some(Priority::Low),
        pb::TaskPriority::Medium => Some(Priority::Medium),
        pb::TaskPriority::High => Some(Priority::High),
        pb::TaskPriority::Urgent => Some(Priority::Urgent),
    }
}

/// The statuses of a filter; none stands for all.
pub(crate) fn statuses(numbers: &[i32]) -> Result<Option<Vec<Status>>, Fault> {
    let unsupported = || {
        Fault::rejected(
            "UNSUPPORTED_STATUS_FILTER",
            "status",
            "not a status of a task",
        )
    };
    let mut found = Vec::new();
    for number in numbers {
        let status = pb::TaskStatus::try_from(*number)
            .ok()
            .and_then(from_status)
            .ok_or_else(unsupported)?;
        if !found.contains(&status) {
            found.push(status);
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

/// A task that somebody wants.
pub(crate) fn draft(request: &pb::CreateTaskRequest) -> Result<Draft, Fault> {
    let status = match request.status {
        0 => Status::Inbox,
        number => known("status", number, from_status)?,
    };
    let priority = match request.priority {
        0 => Priority::Medium,
        number => known("priority", number, from_priority)?,
    };
    Ok(Draft {
        title: decode::text("title", &request.title, 1, MAX_TITLE)?,
        description: decode::optional_text(
            "description",
            request.description.as_deref(),
            MAX_DESCRIPTION,
        )?,
        status,
        priority,
        due_at: decode::time("due_at", request.due_at.as_ref())?,
        assignee: decode::optional_id("assigned_agent_id", request.assigned_agent_id.as_deref())?,
        depends_on: decode::ids(
            "depends_on_task_ids",
            &request.depends_on_task_ids,
            MAX_DEPENDENCIES,
        )?,
    })
}

/// What a request wants changed.
pub(crate) fn patch(request: &pb::UpdateTaskRequest) -> Result<Patch, Fault> {
    let named = Named::of(request.update_mask.clone());
    let mut patch = Patch {
        expected_version: request.expected_version,
        ..Patch::default()
    };
    if named.has("title", request.title.is_some()) {
        let title = decode::required("title", request.title.as_deref())?;
        patch.title = Some(decode::text("title", title, 1, MAX_TITLE)?);
    }
    if named.has("description", request.description.is_some()) {
        patch.description = Some(decode::optional_text(
            "description",
            request.description.as_deref(),
            MAX_DESCRIPTION,
        )?);
    }
    if named.has("status", request.status != 0) {
        patch.status = Some(known("status", request.status, from_status)?);
    }
    if named.has("priority", request.priority != 0) {
        patch.priority = Some(known("priority", request.priority, from_priority)?);
    }
    if named.has("due_at", request.due_at.is_some()) {
        patch.due_at = Some(decode::time("due_at", request.due_at.as_ref())?);
    }
    if named.has("assigned_agent_id", request.assigned_agent_id.is_some()) {
        patch.assignee = Some(decode::optional_id(
            "assigned_agent_id",
            request.assigned_agent_id.as_deref(),
        )?);
    }
    if named.has(
        "depends_on_task_ids",
        !request.depends_on_task_ids.is_empty(),
    ) {
        patch.depends_on = Some(decode::ids(
            "depends_on_task_ids",
            &request.depends_on_task_ids,
            MAX_DEPENDENCIES,
        )?);
    }
    if named.has("comment", request.comment.is_some()) {
        patch.comment = decode::optional_text("comment", request.comment.as_deref(), MAX_COMMENT)?;
    }
    Ok(patch)
}
