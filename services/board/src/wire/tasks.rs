//! Tasks on the wire.

use chassis::{Fault, decode, encode};
use prost_types::Struct;
use proto::board::v1 as pb;
use serde_json::Value as Json;

use super::{known, object};
use crate::{
    custom_field::values,
    tag,
    task::{MAX_DEPENDENCIES, Priority, Status, Task, creation::Draft},
};

mod change;

pub(crate) use change::patch;

/// Most characters of a title.
const MAX_TITLE: usize = 500;
/// Most characters of a description.
const MAX_DESCRIPTION: usize = 50_000;
/// Most characters of a comment.
pub(crate) const MAX_COMMENT: usize = 20_000;

/// A task for its readers.
pub(crate) fn task(task: Task) -> pb::Task {
    let tag_ids = task.tag_ids().map(|id| id.to_string()).collect();
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
        stale_by_task_ids: task.stale_by.iter().map(ToString::to_string).collect(),
        tag_ids,
        tags: task.tags.into_iter().map(super::tags::badge).collect(),
        custom_field_values: Some(Struct {
            fields: task
                .values
                .shown
                .iter()
                .map(|(key, value)| (key.clone(), encode::to_value(value)))
                .collect(),
        }),
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

pub(crate) const fn to_priority(priority: Priority) -> pb::TaskPriority {
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

/// The priorities of a filter; none stands for all.
pub(crate) fn priorities(numbers: &[i32]) -> Result<Option<Vec<Priority>>, Fault> {
    let found = numbers
        .iter()
        .map(|number| known("priority", *number, from_priority))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((!found.is_empty()).then_some(found))
}

/// Values of custom fields by key; null stands for none.
fn named_values(value: Option<&Struct>) -> Result<values::Named, Fault> {
    match object("custom_field_values", value)? {
        Some(Json::Object(pairs)) => Ok(pairs.into_iter().collect()),
        _ => Ok(values::Named::new()),
    }
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
        tags: decode::ids("tag_ids", &request.tag_ids, tag::MAX_PER_TASK)?,
        values: named_values(request.custom_field_values.as_ref())?,
    })
}
