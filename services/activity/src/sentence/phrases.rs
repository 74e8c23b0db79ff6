//! Sentences that depend on more than a name.

use proto::{
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Task, TaskStatus},
    event::v1::{
        ApprovalResolved, BoardMemoryCreated, GroupMemoryCreated, MemberRemoved, TaskStatusChanged,
        TaskUpdated,
    },
};

use super::words::{cut, fields, member, quoted, title, words};

pub(super) fn member_removed(who: &str, payload: &MemberRemoved) -> String {
    let member = member(payload.member.as_ref());
    match payload.reason.as_str() {
        "left" => format!("{member} left the organization."),
        "account_deleted" => format!("{member} deleted their account."),
        _ => format!("{who} removed {member} from the organization."),
    }
}

pub(super) fn board_memory(who: &str, payload: &BoardMemoryCreated) -> String {
    let board = quoted(Some(&payload.board_name));
    let memory = payload.memory.as_ref();
    let text = cut(memory.map_or("", |memory| memory.content.as_str()));
    match payload.command.as_deref() {
        Some(command) => format!("{who} told the agents of {board} to {}.", words(command)),
        None if memory.is_some_and(|memory| memory.is_chat) => {
            format!("{who} wrote on {board}: {text}")
        }
        None => format!("{who} noted about {board}: {text}"),
    }
}

pub(super) fn group_memory(who: &str, payload: &GroupMemoryCreated) -> String {
    let group = quoted(Some(&payload.group_name));
    let memory = payload.memory.as_ref();
    let text = cut(memory.map_or("", |memory| memory.content.as_str()));
    if payload.broadcast {
        format!("{who} told everybody in {group}: {text}")
    } else if memory.is_some_and(|memory| memory.is_chat) {
        format!("{who} wrote in {group}: {text}")
    } else {
        format!("{who} noted about {group}: {text}")
    }
}

pub(super) fn action(approval: Option<&Approval>) -> String {
    quoted(approval.map(|approval| approval.action_type.as_str()))
}

pub(super) fn task_updated(who: &str, payload: &TaskUpdated) -> String {
    let title = title(payload.task.as_ref());
    let assigned = payload
        .task
        .as_ref()
        .is_some_and(|task| task.assigned_agent_id.is_some());
    match payload.changed_fields.as_slice() {
        [only] if only == "assigned_agent_id" && assigned => format!("{who} assigned {title}."),
        [only] if only == "assigned_agent_id" => format!("{who} took {title} from its assignee."),
        changed if !changed.is_empty() && changed.iter().all(|field| is_consequence(field)) => {
            consequence(&title, changed, &payload.task.clone().unwrap_or_default())
        }
        changed => format!("{who} changed {} of {title}.", fields(changed)),
    }
}

/// Whether a field only follows from what happens to other tasks.
fn is_consequence(field: &str) -> bool {
    matches!(field, "blocked_by_task_ids" | "stale_by_task_ids")
}

fn consequence(title: &str, changed: &[String], task: &Task) -> String {
    let only_stale = !changed.iter().any(|field| field == "blocked_by_task_ids");
    if only_stale && task.stale_by_task_ids.is_empty() {
        return format!("What {title} was built on is done again.");
    }
    if only_stale {
        return format!("What {title} was built on was opened again.");
    }
    match task.blocked_by_task_ids.len() {
        0 => format!("{title} waits for no other task."),
        1 => format!("{title} waits for another task."),
        many => format!("{title} waits for {many} other tasks."),
    }
}

fn cause(name: &str) -> String {
    match name {
        "assignee_deleted" => "its agent was deleted".into(),
        "assignee_moved" => "its agent moved to another board".into(),
        "dependency_added" => "it depends on a task that is not done".into(),
        "dependency_reopened" => "a task that it depends on was opened again".into(),
        other => words(other),
    }
}

pub(super) fn task_moved(who: &str, payload: &TaskStatusChanged) -> String {
    let title = title(payload.task.as_ref());
    let (from, to) = (status(payload.from()), status(payload.to()));
    match &payload.cause {
        Some(name) => format!("{title} went from {from} to {to}: {}.", cause(name)),
        None => format!("{who} moved {title} from {from} to {to}."),
    }
}

pub(super) fn approval_resolved(who: &str, payload: &ApprovalResolved) -> String {
    let approval = payload.approval.as_ref();
    let verb = match approval.map(Approval::status) {
        Some(ApprovalStatus::Approved) => "approved",
        Some(ApprovalStatus::Rejected) => "rejected",
        Some(ApprovalStatus::Expired) => "let expire",
        Some(ApprovalStatus::Pending | ApprovalStatus::Unspecified) | None => "decided on",
    };
    format!("{who} {verb} {}.", action(approval))
}

fn status(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Inbox => "inbox",
        TaskStatus::InProgress => "in progress",
        TaskStatus::Review => "review",
        TaskStatus::Done => "done",
        TaskStatus::Unspecified => "nowhere",
    }
}
