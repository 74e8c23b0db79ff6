//! Tasks, on a board or by id alone.

mod create;
mod delete;
mod edges;
mod list;
mod update;

use chassis::{Caller, decode};
use proto::board::v1::{
    AssignTaskRequest, AssignTaskResponse, CreateTaskRequest, CreateTaskResponse,
    DeleteTaskRequest, DeleteTaskResponse, GetTaskRequest, GetTaskResponse, ListTasksRequest,
    ListTasksResponse, UpdateTaskRequest, UpdateTaskResponse, task_service_server::TaskService,
};
use tonic::{Request, Response, Status};

use super::{
    Copy, Desk, Read,
    access::{self, Place},
    etag,
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
        Ok(Response::new(CreateTaskResponse {
            task: Some(wire::tasks::task(task)),
        }))
    }

    async fn get_task(
        &self,
        request: Request<GetTaskRequest>,
    ) -> Result<Response<GetTaskResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(get(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn update_task(
        &self,
        request: Request<UpdateTaskRequest>,
    ) -> Result<Response<UpdateTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        let task = update(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(UpdateTaskResponse {
            task: Some(wire::tasks::task(task)),
        }))
    }

    async fn assign_task(
        &self,
        request: Request<AssignTaskRequest>,
    ) -> Result<Response<AssignTaskResponse>, Status> {
        let caller = Caller::of(&request)?;
        let task = assign(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(AssignTaskResponse {
            task: Some(wire::tasks::task(task)),
        }))
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

async fn get(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &GetTaskRequest,
) -> Result<Read<GetTaskResponse>, Error> {
    let place = Place::decode(request.board_id.as_deref(), &request.task_id)?;
    let mut conn = desk.pool.acquire().await?;
    if let Some(etag) = access::held(&mut conn, caller, place, copy).await? {
        return Ok(Read::Unchanged(etag));
    }
    let (board, task) = access::task(&mut conn, caller, place).await?;
    let answer = GetTaskResponse {
        task: Some(wire::tasks::task(task)),
    };
    Ok(Read::Fresh(answer, etag(board.version)))
}

async fn update(desk: &Desk, caller: &Caller, request: &UpdateTaskRequest) -> Result<Task, Error> {
    let place = Place::decode(request.board_id.as_deref(), &request.task_id)?;
    let (board, task) = access::task(&mut *desk.pool.acquire().await?, caller, place).await?;
    let mover = access::writer(caller, &board)?;
    let patch = wire::tasks::patch(request)?;
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
