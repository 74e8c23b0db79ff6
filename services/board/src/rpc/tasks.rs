//! Tasks, on a board or by id alone.

mod create;
mod delete;
mod edges;
mod get;
mod labels;
mod list;
mod update;

use chassis::{Caller, Fault, conditional, decode};
use proto::board::v1::{
    self as pb, AssignTaskRequest, AssignTaskResponse, CreateTaskRequest, CreateTaskResponse,
    DeleteTaskRequest, DeleteTaskResponse, GetTaskRequest, GetTaskResponse, ListTasksRequest,
    ListTasksResponse, UpdateTaskRequest, UpdateTaskResponse, task_service_server::TaskService,
};
use tonic::{Request, Response, Status};

use super::{
    Copy, Desk,
    access::{self, Place},
};
use crate::{
    error::Error,
    task::{Task, patch::Patch},
    wire,
};

pub(crate) struct Tasks(pub(crate) Desk);

#[tonic::async_trait]
impl TaskService for Tasks {
    async fn list_tasks(
        &self,
        request: Request<ListTasksRequest>,
    ) -> Result<Response<ListTasksResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(list::list(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn create_task(
        &self,
        request: Request<CreateTaskRequest>,
    ) -> Result<Response<CreateTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        let task = create::create(&self.0, &caller, &request.into_inner()).await?;
        Ok(tagged(task, |task| CreateTaskResponse { task }))
    }

    async fn get_task(
        &self,
        request: Request<GetTaskRequest>,
    ) -> Result<Response<GetTaskResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(get::get(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn update_task(
        &self,
        request: Request<UpdateTaskRequest>,
    ) -> Result<Response<UpdateTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        let seen = conditional::if_match(&request);
        let task = update(&self.0, &caller, seen, &request.into_inner()).await?;
        Ok(tagged(task, |task| UpdateTaskResponse { task }))
    }

    async fn assign_task(
        &self,
        request: Request<AssignTaskRequest>,
    ) -> Result<Response<AssignTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        let task = assign(&self.0, &caller, &request.into_inner()).await?;
        Ok(tagged(task, |task| AssignTaskResponse { task }))
    }

    async fn delete_task(
        &self,
        request: Request<DeleteTaskRequest>,
    ) -> Result<Response<DeleteTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        delete::delete(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(DeleteTaskResponse { ok: true }))
    }
}

/// An answer that is a task, with its tag.
fn tagged<T>(task: Task, answer: impl FnOnce(Option<pb::Task>) -> T) -> Response<T> {
    let tag = conditional::version_tag(task.version);
    conditional::answer(answer(Some(wire::tasks::task(task))), &tag)
}

/// The version that a writer has seen, by the header and by the body.
fn expected(header: Option<i64>, body: Option<i64>) -> Result<Option<i64>, Fault> {
    match (header, body) {
        (Some(header), Some(body)) if header != body => Err(Fault::rejected(
            "VERSION_AMBIGUOUS",
            "expected_version",
            "If-Match names another version",
        )),
        (header, body) => Ok(header.or(body)),
    }
}

async fn update(
    desk: &Desk,
    caller: &Caller,
    seen: Result<Option<i64>, Fault>,
    request: &UpdateTaskRequest,
) -> Result<Task, Error> {
    let place = Place::decode(request.board_id.as_deref(), &request.task_id)?;
    let (board, task) = access::task(&mut *desk.pool.acquire().await?, caller, place).await?;
    let mover = access::writer(caller, &board)?;
    let mut patch = wire::tasks::patch(request)?;
    patch.expected_version = expected(seen?, patch.expected_version)?;
    update::Update {
        desk,
        caller,
        mover,
        patch: &patch,
    }
    .run(board, task)
    .await
}

async fn assign(desk: &Desk, caller: &Caller, request: &AssignTaskRequest) -> Result<Task, Error> {
    let place = Place::decode(None, &request.task_id)?;
    let (board, task) = access::task(&mut *desk.pool.acquire().await?, caller, place).await?;
    let mover = access::writer(caller, &board)?;
    let agent_id = decode::id("agent_id", &request.agent_id)?;
    let patch = Patch {
        assignee: Some(Some(agent_id)),
        ..Patch::default()
    };
    update::Update {
        desk,
        caller,
        mover,
        patch: &patch,
    }
    .run(board, task)
    .await
}
