//! What happened, in a short sentence for people. Nothing parses it.

use proto::{
    agent::v1::{Agent, Gateway, Notice},
    approval::v1::ApprovalStatus,
    board::v1::{Board, Task, TaskStatus},
    event::v1::{
        ActorKind, ApprovalResolved, Event, TaskStatusChanged, TaskUpdated, event::Payload,
    },
    org::v1::User,
};

/// Longest quotation of a title or a remark, in characters.
const QUOTE: usize = 200;

/// Says what an event is about. A payload that this version does not know gives its type.
pub(crate) fn of(event: &Event) -> String {
    let who = actor(event);
    let Some(payload) = &event.payload else {
        return format!("{who}: {}.", event.r#type.replace(['.', '_'], " "));
    };
    match payload {
        Payload::OrganizationCreated(p) => {
            let name = p.organization.as_ref().map(|o| o.name.as_str());
            format!("{who} created the organization {}.", quoted(name))
        }
        Payload::UserCreated(p) => {
            format!("{} signed in for the first time.", user(p.user.as_ref()))
        }
        Payload::ActiveOrganizationChanged(_) => format!("{who} switched to another organization."),
        Payload::BoardCreated(p) => format!("{who} created {}.", board(p.board.as_ref())),
        Payload::BoardUpdated(p) => {
            let (fields, board) = (fields(&p.changed_fields), board(p.board.as_ref()));
            format!("{who} changed {fields} of {board}.")
        }
        Payload::TaskCreated(p) => format!("{who} created {}.", title(p.task.as_ref())),
        Payload::TaskUpdated(p) => task_updated(&who, p),
        Payload::TaskStatusChanged(p) => task_moved(&who, p),
        Payload::TaskDeleted(p) => format!("{who} deleted {}.", title(p.task.as_ref())),
        Payload::TaskCommented(p) => {
            let text = cut(p.comment.as_ref().map_or("", |c| c.message.as_str()));
            format!("{who} commented on {}: {text}", title(p.task.as_ref()))
        }
        Payload::ApprovalCreated(p) => {
            let action = p.approval.as_ref().map(|a| a.action_type.as_str());
            format!("{who} asked for approval of {}.", quoted(action))
        }
        Payload::ApprovalResolved(p) => approval_resolved(&who, p),
        Payload::GatewayCreated(p) => format!("{who} added {}.", gateway(p.gateway.as_ref())),
        Payload::GatewayUpdated(p) => {
            let (fields, gateway) = (fields(&p.changed_fields), gateway(p.gateway.as_ref()));
            format!("{who} changed {fields} of {gateway}.")
        }
        Payload::AgentCreated(p) => format!("{who} created the {}.", agent(p.agent.as_ref())),
        Payload::AgentUpdated(p) => {
            let (fields, agent) = (fields(&p.changed_fields), agent(p.agent.as_ref()));
            format!("{who} changed {fields} of the {agent}.")
        }
        Payload::AgentProvisioned(p) => {
            format!("The {} is ready on its gateway.", agent(p.agent.as_ref()))
        }
        // The reason may tell of gateways; it is in the payload, for admins.
        Payload::AgentProvisionFailed(p) => {
            format!("The {} could not be set up.", agent(p.agent.as_ref()))
        }
        Payload::AgentCheckedIn(p) => format!("The {} checked in.", agent(p.agent.as_ref())),
        Payload::AgentTokenChanged(_) => format!("{who} changed the token of an agent."),
        Payload::NoticeSent(p) => format!("An agent was told: {}.", notice(p.notice.as_ref())),
        Payload::NoticeDead(p) => {
            format!("An agent could not be told: {}.", notice(p.notice.as_ref()))
        }
        _ => format!("{who}: {}.", event.r#type.replace(['.', '_'], " ")),
    }
}

fn actor(event: &Event) -> String {
    let actor = event.actor.as_ref();
    match actor.map(|actor| (actor.kind(), actor.name.trim())) {
        Some((_, name)) if !name.is_empty() => cut(name),
        Some((ActorKind::User, _)) => "A user".into(),
        Some((ActorKind::Agent, _)) => "An agent".into(),
        Some((ActorKind::System | ActorKind::Unspecified, _)) | None => "Mission Control".into(),
    }
}

fn task_updated(who: &str, payload: &TaskUpdated) -> String {
    let title = title(payload.task.as_ref());
    let assigned = payload
        .task
        .as_ref()
        .is_some_and(|task| task.assigned_agent_id.is_some());
    match payload.changed_fields.as_slice() {
        [only] if only == "assigned_agent_id" && assigned => format!("{who} assigned {title}."),
        [only] if only == "assigned_agent_id" => format!("{who} took {title} from its assignee."),
        changed => format!("{who} changed {} of {title}.", fields(changed)),
    }
}

fn task_moved(who: &str, payload: &TaskStatusChanged) -> String {
    let title = title(payload.task.as_ref());
    let (from, to) = (status(payload.from()), status(payload.to()));
    match &payload.cause {
        Some(cause) => format!("{title} went from {from} to {to}: {}.", words(cause)),
        None => format!("{who} moved {title} from {from} to {to}."),
    }
}

fn approval_resolved(who: &str, payload: &ApprovalResolved) -> String {
    let approval = payload.approval.as_ref();
    let verb = match approval.map(proto::approval::v1::Approval::status) {
        Some(ApprovalStatus::Approved) => "approved",
        Some(ApprovalStatus::Rejected) => "rejected",
        Some(ApprovalStatus::Expired) => "let expire",
        Some(ApprovalStatus::Pending | ApprovalStatus::Unspecified) | None => "decided on",
    };
    format!(
        "{who} {verb} {}.",
        quoted(approval.map(|approval| approval.action_type.as_str()))
    )
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

fn user(user: Option<&User>) -> String {
    let name = user.and_then(|user| {
        let name = user.preferred_name.as_deref().or(user.name.as_deref());
        name.or(user.email.as_deref())
    });
    cut(name.unwrap_or("A user"))
}

fn board(board: Option<&Board>) -> String {
    format!("the board {}", quoted(board.map(|b| b.name.as_str())))
}

fn gateway(gateway: Option<&Gateway>) -> String {
    format!("the gateway {}", quoted(gateway.map(|g| g.name.as_str())))
}

fn agent(agent: Option<&Agent>) -> String {
    format!("agent {}", quoted(agent.map(|a| a.name.as_str())))
}

fn notice(notice: Option<&Notice>) -> String {
    words(notice.map_or("notice", |n| n.kind.as_str()))
}

fn title(task: Option<&Task>) -> String {
    quoted(task.map(|task| task.title.as_str()))
}

fn quoted(text: Option<&str>) -> String {
    format!("\u{201c}{}\u{201d}", cut(text.unwrap_or("?")))
}

/// The first characters of a text, without what a column cannot hold.
fn cut(text: &str) -> String {
    let mut chars = text.trim().chars().filter(|c| *c != '\0');
    let mut short: String = chars.by_ref().take(QUOTE).collect();
    if chars.next().is_some() {
        short.push('\u{2026}');
    }
    short
}

fn words(name: &str) -> String {
    cut(name).replace('_', " ")
}

/// `title, due at and priority`.
fn fields(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .take(10)
        .map(|name| words(name.strip_suffix("_id").unwrap_or(name)))
        .collect();
    match names.as_slice() {
        [] => "something".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        board::v1::Comment,
        event::v1::{Actor, TaskCommented, TaskCreated},
    };

    use super::*;

    fn said(payload: Payload) -> String {
        of(&Event {
            actor: Some(Actor {
                kind: ActorKind::User.into(),
                id: None,
                name: "Ann".into(),
            }),
            payload: Some(payload),
            ..Event::default()
        })
    }

    fn task() -> Option<Task> {
        Some(Task {
            title: "Fix it".into(),
            ..Task::default()
        })
    }

    #[test]
    fn sentences_name_who_and_what() {
        assert_eq!(
            said(Payload::TaskCreated(TaskCreated {
                task: task(),
                ..TaskCreated::default()
            })),
            "Ann created \u{201c}Fix it\u{201d}."
        );
        let moved = TaskStatusChanged {
            task: task(),
            from: TaskStatus::Inbox.into(),
            to: TaskStatus::InProgress.into(),
            ..TaskStatusChanged::default()
        };
        assert_eq!(
            said(Payload::TaskStatusChanged(moved.clone())),
            "Ann moved \u{201c}Fix it\u{201d} from inbox to in progress."
        );
        assert_eq!(
            said(Payload::TaskStatusChanged(TaskStatusChanged {
                cause: Some("dependency_reopened".into()),
                ..moved
            })),
            "\u{201c}Fix it\u{201d} went from inbox to in progress: dependency reopened."
        );
        assert_eq!(
            said(Payload::TaskUpdated(TaskUpdated {
                task: task(),
                changed_fields: vec!["title".into(), "due_at".into(), "assigned_agent_id".into()],
                ..TaskUpdated::default()
            })),
            "Ann changed title, due at and assigned agent of \u{201c}Fix it\u{201d}."
        );
    }

    #[test]
    fn a_long_remark_is_cut_and_a_nul_left_out() {
        let comment = Comment {
            message: format!("a\0{}", "b".repeat(300)),
            ..Comment::default()
        };
        let text = said(Payload::TaskCommented(TaskCommented {
            comment: Some(comment),
            task: task(),
            ..TaskCommented::default()
        }));
        assert_eq!(
            text,
            format!(
                "Ann commented on \u{201c}Fix it\u{201d}: a{}\u{2026}",
                "b".repeat(199)
            )
        );
    }

    #[test]
    fn what_this_version_does_not_know_still_has_a_sentence() {
        let event = Event {
            r#type: "skill.pack_added".into(),
            ..Event::default()
        };
        assert_eq!(of(&event), "Mission Control: skill pack added.");
    }
}
