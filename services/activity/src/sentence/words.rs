//! The parts that sentences are made of.

use proto::{
    agent::v1::{Agent, Gateway},
    approval::v1::ApprovalPolicy,
    board::v1::{Board, BoardGroup, CustomField, Tag, Task},
    org::v1::{Member, Role, User},
};

/// Longest quotation of a title or a remark, in characters.
const QUOTE: usize = 200;

pub(super) fn user(user: Option<&User>) -> String {
    let name = user.and_then(|user| {
        let name = user.preferred_name.as_deref().or(user.name.as_deref());
        name.or(user.email.as_deref())
    });
    cut(name.unwrap_or("A user"))
}

pub(super) fn board(board: Option<&Board>) -> String {
    format!("the board {}", quoted(board.map(|b| b.name.as_str())))
}

pub(super) fn gateway(gateway: Option<&Gateway>) -> String {
    format!("the gateway {}", quoted(gateway.map(|g| g.name.as_str())))
}

pub(super) fn agent(agent: Option<&Agent>) -> String {
    format!("agent {}", quoted(agent.map(|a| a.name.as_str())))
}

pub(super) fn title(task: Option<&Task>) -> String {
    quoted(task.map(|task| task.title.as_str()))
}

pub(super) fn quoted(text: Option<&str>) -> String {
    format!("\u{201c}{}\u{201d}", cut(text.unwrap_or("?")))
}

/// The first characters of a text, without what a column cannot hold.
pub(super) fn cut(text: &str) -> String {
    let mut chars = text.trim().chars().filter(|c| *c != '\0');
    let mut short: String = chars.by_ref().take(QUOTE).collect();
    if chars.next().is_some() {
        short.push('\u{2026}');
    }
    short
}

pub(super) fn words(name: &str) -> String {
    cut(name).replace('_', " ")
}

/// `title, due date and priority`.
pub(super) fn fields(names: &[String]) -> String {
    let names: Vec<String> = names.iter().take(10).map(|name| one_field(name)).collect();
    match names.as_slice() {
        [] => "something".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn one_field(name: &str) -> String {
    match name {
        "assigned_agent_id" => "assignee".into(),
        "blocked_by_task_ids" => "blocking tasks".into(),
        "custom_field_values" => "custom fields".into(),
        "depends_on_task_ids" => "dependencies".into(),
        "due_at" => "due date".into(),
        "stale_by_task_ids" => "reopened dependencies".into(),
        _ => match name.strip_suffix("_ids") {
            Some(one) => format!("{}s", words(one)),
            None => words(name.strip_suffix("_id").unwrap_or(name)),
        },
    }
}

pub(super) fn member(member: Option<&Member>) -> String {
    let name = member
        .and_then(|member| member.user.as_ref())
        .and_then(|user| {
            let name = user.preferred_name.as_deref().or(user.name.as_deref());
            name.or(user.email.as_deref())
        });
    cut(name.unwrap_or("A member"))
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Member | Role::Unspecified => "a member",
    }
}

pub(super) fn group(group: Option<&BoardGroup>) -> String {
    format!("the group {}", quoted(group.map(|g| g.name.as_str())))
}

pub(super) fn tag(tag: Option<&Tag>) -> String {
    format!("the tag {}", quoted(tag.map(|t| t.name.as_str())))
}

pub(super) fn field(field: Option<&CustomField>) -> String {
    format!("the field {}", quoted(field.map(|f| f.label.as_str())))
}

pub(super) fn policy(policy: Option<&ApprovalPolicy>) -> String {
    let name = policy.map(|policy| policy.name.as_str());
    format!("the approval policy {}", quoted(name))
}
