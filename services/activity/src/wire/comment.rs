//! Comments on tasks as messages.

use proto::{
    activity::v1::TaskCommentItem,
    event::v1::{Event, event::Payload},
};

/// What things are called today, as far as it is known; the event knows what they were called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) task_title: Option<String>,
    pub(crate) board_name: Option<String>,
    pub(crate) agent_name: Option<String>,
    pub(crate) agent_role: Option<String>,
}

/// The comment that an event tells of; `None` when it tells of something else.
pub(crate) fn item(event: &Event, names: Names) -> Option<TaskCommentItem> {
    let Some(Payload::TaskCommented(told)) = &event.payload else {
        return None;
    };
    let comment = told.comment.as_ref()?;
    let task = told.task.as_ref();
    let title = || task.map(|task| task.title.clone()).unwrap_or_default();
    let by_agent = comment.agent_id.is_some();
    let author = names
        .agent_name
        .filter(|_| by_agent)
        .unwrap_or_else(|| comment.author_name.clone());
    Some(TaskCommentItem {
        id: comment.id.clone(),
        created_at: event.occurred_at,
        message: Some(comment.message.clone()),
        agent_id: comment.agent_id.clone(),
        agent_name: by_agent.then(|| author.clone()),
        agent_role: names.agent_role.filter(|_| by_agent),
        task_id: event.task_id.clone().unwrap_or_default(),
        task_title: names.task_title.unwrap_or_else(title),
        board_id: event.board_id.clone().unwrap_or_default(),
        board_name: names.board_name.unwrap_or_else(|| told.board_name.clone()),
        user_id: comment.user_id.clone(),
        author_name: author,
    })
}
