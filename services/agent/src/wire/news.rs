//! Events of others that agents may have to be told of.

use anyhow::Context;
use proto::{
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Task, TaskStatus},
    event::v1::{ActorKind, Event, event::Payload},
};
use uuid::Uuid;

use crate::notice::{
    rule::{Happening, Status, Trigger},
    text::{self, Remark, Subject},
};

/// What happened, where, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct News {
    pub event_id: Uuid,
    pub organization_id: Uuid,
    pub board_id: Uuid,
    pub task_id: Option<Uuid>,
    pub happening: Happening,
    pub subject: Subject,
}

/// Reads an event; `None` when no agent can have to be told of it.
pub(crate) fn read(event: &Event) -> anyhow::Result<Option<News>> {
    Ok(match &event.payload {
        Some(Payload::TaskCreated(created)) => task_news(
            event,
            created.task.as_ref(),
            &created.board_name,
            Trigger::Created,
            None,
            None,
        )?,
        Some(Payload::TaskUpdated(updated)) => {
            let assignee = updated
                .changed_fields
                .iter()
                .any(|field| field == "assigned_agent_id");
            let previous = updated.previous_assignee_id.as_deref();
            let trigger = Trigger::Changed { assignee };
            task_news(
                event,
                updated.task.as_ref(),
                &updated.board_name,
                trigger,
                previous,
                None,
            )?
        }
        Some(Payload::TaskStatusChanged(moved)) => {
            let trigger = Trigger::Moved {
                from: status(moved.from())?,
                by_system: moved.cause.is_some(),
            };
            let previous = moved.previous_assignee_id.as_deref();
            let remark = moved
                .comment
                .as_deref()
                .map(|text| remark(author(event), text));
            task_news(
                event,
                moved.task.as_ref(),
                &moved.board_name,
                trigger,
                previous,
                remark,
            )?
        }
        Some(Payload::TaskCommented(commented)) => {
            let comment = commented
                .comment
                .as_ref()
                .context("a comment event carries its comment")?;
            let mentioned = comment
                .mentioned_agent_ids
                .iter()
                .map(|id| Uuid::try_parse(id));
            let trigger = Trigger::Commented {
                mentioned: mentioned.collect::<Result<_, _>>()?,
            };
            let remark = remark(&comment.author_name, &comment.message);
            task_news(
                event,
                commented.task.as_ref(),
                &commented.board_name,
                trigger,
                None,
                Some(remark),
            )?
        }
        Some(Payload::ApprovalResolved(resolved)) => Some(approval_news(
            event,
            resolved
                .approval
                .as_ref()
                .context("the event carries its approval")?,
        )?),
        _ => None,
    })
}

fn task_news(
    event: &Event,
    task: Option<&Task>,
    board_name: &str,
    trigger: Trigger,
    previous_assignee: Option<&str>,
    remark: Option<Remark>,
) -> anyhow::Result<Option<News>> {
    let task = task.context("a task event carries its task")?;
    let (task_id, status) = (Uuid::try_parse(&task.id)?, status(task.status())?);
    let happening = Happening {
        trigger,
        actor: acting_agent(event)?,
        status,
        assignee: task
            .assigned_agent_id
            .as_deref()
            .map(Uuid::try_parse)
            .transpose()?,
        previous_assignee: previous_assignee.map(Uuid::try_parse).transpose()?,
    };
    let subject = Subject::Task(text::Task {
        id: task_id,
        board_name: board_name.to_owned(),
        title: task.title.clone(),
        status,
        description: task.description.clone().unwrap_or_default(),
        remark,
    });
    news(event, &task.board_id, Some(task_id), happening, subject).map(Some)
}

fn approval_news(event: &Event, approval: &Approval) -> anyhow::Result<News> {
    let happening = Happening {
        trigger: Trigger::ApprovalResolved,
        actor: acting_agent(event)?,
        status: Status::Inbox,
        assignee: None,
        previous_assignee: None,
    };
    let subject = Subject::Approval(text::Approval {
        id: Uuid::try_parse(&approval.id)?,
        action: approval.action_type.clone(),
        approved: approval.status() == ApprovalStatus::Approved,
        confidence: approval.confidence,
        task_ids: approval.task_ids.clone(),
        decided_by: approval.resolved_by_name.clone(),
        note: approval.note.clone(),
    });
    let task_id = approval
        .task_id
        .as_deref()
        .map(Uuid::try_parse)
        .transpose()?;
    news(event, &approval.board_id, task_id, happening, subject)
}

fn news(
    event: &Event,
    board_id: &str,
    task_id: Option<Uuid>,
    happening: Happening,
    subject: Subject,
) -> anyhow::Result<News> {
    Ok(News {
        event_id: Uuid::try_parse(&event.id).context("id of an event")?,
        organization_id: Uuid::try_parse(&event.organization_id)
            .context("organization of an event")?,
        board_id: Uuid::try_parse(board_id).context("board of an event")?,
        task_id,
        happening,
        subject,
    })
}

fn acting_agent(event: &Event) -> anyhow::Result<Option<Uuid>> {
    let agent = event
        .actor
        .as_ref()
        .filter(|actor| actor.kind() == ActorKind::Agent);
    Ok(agent
        .and_then(|actor| actor.id.as_deref())
        .map(Uuid::try_parse)
        .transpose()?)
}

fn author(event: &Event) -> &str {
    event.actor.as_ref().map_or("", |actor| &actor.name)
}

fn remark(author: &str, text: &str) -> Remark {
    Remark {
        author: author.to_owned(),
        text: text.to_owned(),
    }
}

fn status(status: TaskStatus) -> anyhow::Result<Status> {
    Ok(match status {
        TaskStatus::Inbox => Status::Inbox,
        TaskStatus::InProgress => Status::InProgress,
        TaskStatus::Review => Status::Review,
        TaskStatus::Done => Status::Done,
        TaskStatus::Unspecified => anyhow::bail!("the task has no status"),
    })
}
