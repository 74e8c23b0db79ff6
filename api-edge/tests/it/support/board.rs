//! A stand-in for board: one task, and a memory of what was asked.

use std::sync::Arc;

use chassis::{Fault, conditional, encode};
use proto::board::v1::{task_service_server::TaskService, *};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{BOARD, Behind, TASK, now};

pub(crate) struct Tasks(pub(crate) Arc<Behind>);

type Answer<T> = Result<Response<T>, Status>;

/// Tag of the list.
const TAG: &str = "\"board-7\"";

pub(crate) fn task() -> Task {
    Task {
        id: TASK.into(),
        board_id: BOARD.into(),
        title: "Say \"hello\" — 你好\n".into(),
        status: TaskStatus::InProgress.into(),
        in_progress_at: Some(encode::time(now())),
        created_at: Some(encode::time(
            now() - chrono::TimeDelta::microseconds(905_899),
        )),
        depends_on_task_ids: vec!["x".into(), "y".into()],
        tags: vec![TagRef {
            id: "t".into(),
            name: "Tag".into(),
            slug: "tag".into(),
            color: "ff0000".into(),
        }],
        custom_field_values: encode::to_struct(
            &json!({"points": 3, "ratio": 0.5, "list": [null, true, {}]}),
        ),
        version: 9_007_199_254_740_993,
        cycle: 1,
        ..Task::default()
    }
}

#[tonic::async_trait]
impl TaskService for Tasks {
    async fn list_tasks(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        if conditional::if_none_match(&request).is_some_and(|tags| conditional::matches(&tags, TAG))
        {
            return Ok(conditional::not_modified(TAG));
        }
        *self.0.listed.lock().unwrap() = Some(request.into_inner());
        let items = self.0.tasks.lock().unwrap().clone();
        let answer = ListTasksResponse {
            total: items.len() as i64,
            items,
            limit: 200,
            offset: 0,
            next_page_token: None,
        };
        Ok(conditional::answer(answer, TAG))
    }

    async fn create_task(&self, request: Request<CreateTaskRequest>) -> Answer<CreateTaskResponse> {
        let request = request.into_inner();
        if request.title == "slow" {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        *self.0.created.lock().unwrap() = Some(request);
        Ok(Response::new(CreateTaskResponse { task: Some(task()) }))
    }

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Answer<GetTaskResponse> {
        match request.get_ref().task_id.as_str() {
            TASK => Ok(Response::new(GetTaskResponse { task: Some(task()) })),
            "panic" => panic!("a service that panics"),
            "broken" => Err(Status::internal("connection string postgres://secret")),
            id => {
                chassis::decode::id("task_id", id)?;
                Err(Fault::not_found("TASK_NOT_FOUND", "no such task").into())
            }
        }
    }

    async fn update_task(&self, request: Request<UpdateTaskRequest>) -> Answer<UpdateTaskResponse> {
        *self.0.if_match.lock().unwrap() = request
            .metadata()
            .get(conditional::IF_MATCH)
            .map(|tag| tag.to_str().unwrap().to_owned());
        let request = request.into_inner();
        let blocked = request.status() == TaskStatus::Done;
        *self.0.updated.lock().unwrap() = Some(request);
        if blocked {
            let fault = Fault::conflict("TASK_BLOCKED_CANNOT_TRANSITION", "the task is blocked")
                .with_fact("blocked_by_task_ids", json!(["x"]))
                .with_fact("status", json!("not allowed to replace a member"));
            return Err(fault.into());
        }
        let answer = UpdateTaskResponse { task: Some(task()) };
        Ok(conditional::answer(answer, &conditional::version_tag(8)))
    }

    async fn assign_task(&self, _: Request<AssignTaskRequest>) -> Answer<AssignTaskResponse> {
        Ok(Response::new(AssignTaskResponse { task: None }))
    }

    async fn delete_task(&self, _: Request<DeleteTaskRequest>) -> Answer<DeleteTaskResponse> {
        Ok(Response::new(DeleteTaskResponse { ok: true }))
    }
}
