//! Requests, as short as a test wants them.

use prost_types::FieldMask;
use proto::board::v1::{
    CreateBoardGroupRequest, CreateBoardRequest, CreateTaskRequest, Task, TaskStatus,
    UpdateBoardRequest, UpdateTaskRequest,
};
use uuid::Uuid;

use crate::callers::GATEWAY;

/// A board with no rule switched on.
pub(crate) fn board(name: &str) -> CreateBoardRequest {
    CreateBoardRequest {
        name: name.to_owned(),
        description: "where work is done".to_owned(),
        gateway_id: GATEWAY.to_string(),
        require_approval_for_done: Some(false),
        ..CreateBoardRequest::default()
    }
}

pub(crate) fn group(name: &str) -> CreateBoardGroupRequest {
    CreateBoardGroupRequest {
        name: name.to_owned(),
        ..CreateBoardGroupRequest::default()
    }
}

/// A change of a board: of the fields that are filled, or of these.
pub(crate) fn board_patch(board_id: Uuid, fields: &[&str]) -> UpdateBoardRequest {
    UpdateBoardRequest {
        board_id: board_id.to_string(),
        update_mask: Some(mask(fields)),
        ..Default::default()
    }
}

pub(crate) fn mask(fields: &[&str]) -> FieldMask {
    FieldMask {
        paths: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

pub(crate) fn task(board_id: Uuid, title: &str) -> CreateTaskRequest {
    CreateTaskRequest {
        board_id: board_id.to_string(),
        title: title.to_owned(),
        ..CreateTaskRequest::default()
    }
}

/// A change of a task that names nothing yet.
pub(crate) fn patch(task: &Task) -> UpdateTaskRequest {
    UpdateTaskRequest {
        board_id: Some(task.board_id.clone()),
        task_id: task.id.clone(),
        update_mask: Some(FieldMask::default()),
        ..UpdateTaskRequest::default()
    }
}

/// A move.
pub(crate) fn to(task: &Task, status: TaskStatus) -> UpdateTaskRequest {
    patch(task).status(status)
}

/// Names a field and gives it a value.
pub(crate) trait Naming: Sized {
    fn named(self, field: &str) -> Self;
    fn status(self, status: TaskStatus) -> Self;
    fn title(self, title: &str) -> Self;
    fn assignee(self, id: Option<Uuid>) -> Self;
    fn depends_on(self, tasks: &[&Task]) -> Self;
    fn comment(self, text: &str) -> Self;
}

impl Naming for UpdateTaskRequest {
    fn named(mut self, field: &str) -> Self {
        self.update_mask
            .get_or_insert_default()
            .paths
            .push(field.to_owned());
        self
    }

    fn status(mut self, status: TaskStatus) -> Self {
        self.status = status.into();
        self.named("status")
    }

    fn title(mut self, title: &str) -> Self {
        self.title = Some(title.to_owned());
        self.named("title")
    }

    fn assignee(mut self, id: Option<Uuid>) -> Self {
        self.assigned_agent_id = id.map(|id| id.to_string());
        self.named("assigned_agent_id")
    }

    fn depends_on(mut self, tasks: &[&Task]) -> Self {
        self.depends_on_task_ids = tasks.iter().map(|task| task.id.clone()).collect();
        self.named("depends_on_task_ids")
    }

    fn comment(mut self, text: &str) -> Self {
        self.comment = Some(text.to_owned());
        self.named("comment")
    }
}
