//! Events of others that agents may have to be told of.

mod board;

use anyhow::Context;
use proto::{
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Task, TaskStatus},
    event::v1::{ActorKind, Event, event::Payload},
};
use uuid::Uuid;

use crate::notice::{
    audience::Audience,
    rule::{Happening, Status, Trigger},
    text::{self, Decision, Remark, Subject},
};

/// What happened, where, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct News {
    pub event_id: Uuid,
    pub organization_id: Uuid,
    pub task_id: Option<Uuid>,
    pub rule: Rule,
    pub subject: Subject,
}

/// What decides who is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Of a task or an approval on a board.
    Happening {
        board_id: Uuid,
        happening: Happening,
    },
    /// Of boards, groups and chat.
    Audience(Audience),
}

impl News {
    /// The boards whose agents can be told.
    pub(crate) fn board_ids(&self) -> &[Uuid] {
        match &self.rule {
            Rule::Happening { board_id, .. } => std::slice::from_ref(board_id),
            Rule::Audience(audience) => &audience.board_ids,
        }
    }

    /// Whether it is every agent of the boards.
    pub(crate) fn is_for_everybody(&self) -> bool {
        match &self.rule {
            Rule::Happening { .. } => false,
            Rule::Audience(audience) => audience.is_everybody(),
        }
    }

    /// Agents that can be told because they are named.
    pub(crate) fn named(&self) -> Vec<Uuid> {
        match &self.rule {
            Rule::Happening { happening, .. } => happening.named(),
            Rule::Audience(audience) => audience.mentioned.clone(),
        }
    }

    /// Agents that somebody mentioned.
    pub(crate) fn mentioned(&self) -> &[Uuid] {
        match &self.rule {
            Rule::Happening { happening, .. } => happening.mentioned(),
            Rule::Audience(audience) => &audience.mentioned,
        }
    }
}

/// Reads an event: what agents can have to be told of it, in the order in which they are told.
pub(crate) fn read(event: &Event) -> anyhow::Result<Vec<News>> {
    Ok(match &event.payload {
        Some(Payload::TaskCreated(created)) => vec![task_news(
            event,
            created.task.as_ref(),
            &created.board_name,
            Trigger::Created,
            None,
            None,
        )?],
        Some(Payload::TaskUpdated(updated)) => {
            let assignee = updated
                .changed_fields
                .iter()
                .any(|field| field == "assigned_agent_id");
            let previous = updated.previous_assignee_id.as_deref();
            let trigger = Trigger::Changed { assignee };
            vec![task_news(
                event,
                updated.task.as_ref(),
                &updated.board_name,
                trigger,
                previous,
                None,
            )?]
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
            vec![task_news(
                event,
                moved.task.as_ref(),
                &moved.board_name,
                trigger,
                previous,
                remark,
            )?]
        }
        Some(Payload::TaskCommented(commented)) => {
            let comment = commented
                .comment
                .as_ref()
                .context("a comment event carries its comment")?;
            let trigger = Trigger::Commented {
                mentioned: ids(&comment.mentioned_agent_ids)?,
            };
            let remark = remark(&comment.author_name, &comment.message);
            vec![task_news(
                event,
                commented.task.as_ref(),
                &commented.board_name,
                trigger,
                None,
                Some(remark),
            )?]
        }
        Some(Payload::ApprovalResolved(resolved)) => {
            vec![approval_news(event, resolved.approval.as_ref())?]
        }
        Some(Payload::ApprovalExpired(expired)) => {
            vec![approval_news(event, expired.approval.as_ref())?]
        }
        Some(Payload::BoardUpdated(updated)) => board::updated(event, updated)?,
        Some(Payload::BoardMemoryCreated(created)) => {
            board::memory(event, created)?.into_iter().collect()
        }
        Some(Payload::GroupMemoryCreated(created)) => {
            board::group_memory(event, created)?.into_iter().collect()
        }
        _ => Vec::new(),
    })
}

fn task_news(
    event: &Event,
    task: Option<&Task>,
    board_name: &str,
    trigger: Trigger,
    previous_assignee: Option<&str>,
    remark: Option<Remark>,
) -> anyhow::Result<News> {
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
    let board_id = Uuid::try_parse(&task.board_id).context("board of a task")?;
    let rule = Rule::Happening {
        board_id,
        happening,
    };
    news(event, Some(task_id), rule, subject)
}

fn approval_news(event: &Event, approval: Option<&Approval>) -> anyhow::Result<News> {
    let approval = approval.context("an approval event carries its approval")?;
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
        decision: match approval.status() {
            ApprovalStatus::Approved => Decision::Approved,
            ApprovalStatus::Rejected => Decision::Rejected,
            ApprovalStatus::Expired => Decision::Expired,
            ApprovalStatus::Pending | ApprovalStatus::Unspecified => {
                anyhow::bail!("the approval is not decided")
            }
        },
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
    let board_id = Uuid::try_parse(&approval.board_id).context("board of an approval")?;
    let rule = Rule::Happening {
        board_id,
        happening,
    };
    news(event, task_id, rule, subject)
}

fn news(
    event: &Event,
    task_id: Option<Uuid>,
    rule: Rule,
    subject: Subject,
) -> anyhow::Result<News> {
    Ok(News {
        event_id: Uuid::try_parse(&event.id).context("id of an event")?,
        organization_id: Uuid::try_parse(&event.organization_id)
            .context("organization of an event")?,
        task_id,
        rule,
        subject,
    })
}

fn ids(texts: &[String]) -> anyhow::Result<Vec<Uuid>> {
    Ok(texts
        .iter()
        .map(|text| Uuid::try_parse(text))
        .collect::<Result<_, _>>()?)
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
