//! Tasks and comments of a board.

use proto::{
    activity::v1::{StreamActivity, WatchTasksResponse},
    event::v1::{Event, event::Payload},
};
use uuid::Uuid;

use super::{Kind, Target};
use crate::{feed::Item, sentence};

pub(super) fn kind(board_id: Uuid) -> Kind<WatchTasksResponse> {
    Kind {
        target: Target::Board(board_id),
        types: &[
            "task.created",
            "task.updated",
            "task.status_changed",
            "task.deleted",
            "task.comment",
        ],
        standing: |sequence| WatchTasksResponse {
            sequence,
            ..WatchTasksResponse::default()
        },
        telling: Box::new(|_, item| telling(item)),
    }
}

/// A comment comes alone, anything else with the task as it was after it.
fn telling(item: &Item) -> Option<WatchTasksResponse> {
    let (task, comment) = match item.event.payload.as_ref()? {
        Payload::TaskCreated(p) => (p.task.clone(), None),
        Payload::TaskUpdated(p) => (p.task.clone(), None),
        Payload::TaskStatusChanged(p) => (p.task.clone(), None),
        Payload::TaskDeleted(p) => (p.task.clone(), None),
        Payload::TaskCommented(p) => (None, p.comment.clone()),
        _ => return None,
    };
    Some(WatchTasksResponse {
        sequence: item.sequence,
        r#type: Some(item.event.r#type.clone()),
        activity: Some(activity(&item.event)),
        task,
        comment,
    })
}

fn activity(event: &Event) -> StreamActivity {
    StreamActivity {
        id: event.id.clone(),
        event_type: event.r#type.clone(),
        message: Some(sentence::of(event)),
        agent_id: event.agent_id.clone(),
        task_id: event.task_id.clone(),
        created_at: event.occurred_at,
    }
}
