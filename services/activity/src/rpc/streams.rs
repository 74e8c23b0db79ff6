//! The feed as clients of the earlier API know it: seven views of it, one kind of thing each.

mod agents;
mod approvals;
mod comments;
mod memory;
mod tasks;

use chassis::{Caller, decode};
use proto::activity::v1::{
    WatchAgentsRequest, WatchAgentsResponse, WatchApprovalsRequest, WatchApprovalsResponse,
    WatchBoardGroupMemoryRequest, WatchBoardGroupMemoryResponse, WatchBoardMemoryRequest,
    WatchBoardMemoryResponse, WatchGroupMemoryRequest, WatchGroupMemoryResponse,
    WatchTaskCommentsRequest, WatchTaskCommentsResponse, WatchTasksRequest, WatchTasksResponse,
    stream_service_server::StreamService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::follow::{Begin, Messages, Source, Telling, View};
use crate::{
    error::Error,
    filter::{Filter, Pattern},
    place::Place,
    since,
    viewer::Viewer,
};

/// Shows one kind of thing per stream.
pub(crate) struct Streams(pub(crate) Source);

/// What tells one stream from another.
struct Kind<M> {
    target: Target,
    types: &'static [&'static str],
    standing: fn(i64) -> M,
    telling: Telling<M>,
}

/// What a stream is bound to.
enum Target {
    /// Everything that the viewer sees.
    Anywhere,
    Board(Uuid),
    Group(Uuid),
    BoardGroup(Uuid),
    /// Agents of an organization, maybe of one board, for admins.
    Agents(Option<Uuid>),
}

impl Streams {
    async fn open<M: Send + 'static>(
        &self,
        caller: Caller,
        kind: Kind<M>,
        since: Option<&str>,
        after_sequence: Option<i64>,
    ) -> Result<Response<Messages<M>>, Error> {
        let begin = Begin::of(after_sequence, since::read(since))?;
        let viewer = Viewer(caller);
        let opening = self.0.listen().await?;
        let pool = &self.0.pool;
        let (place, board_id) = match kind.target {
            Target::Anywhere | Target::Agents(None) => (Place::Anywhere, None),
            Target::Board(id) => (Place::board(pool, &viewer, id).await?, Some(id)),
            // An event of an agent need not be on the agent's board.
            Target::Agents(Some(id)) => (Place::board(pool, &viewer, id).await?, None),
            Target::Group(id) => (Place::group(pool, &viewer, id).await?, None),
            Target::BoardGroup(id) => (Place::board_group(pool, &viewer, id).await?, None),
        };
        let view = View {
            place,
            admins_only: matches!(kind.target, Target::Agents(_)),
            filter: Filter {
                board_id,
                types: kind
                    .types
                    .iter()
                    .map(|kind| Pattern::Exact((*kind).to_owned()))
                    .collect(),
                ..Filter::default()
            },
            standing: kind.standing,
            telling: kind.telling,
        };
        Ok(Response::new(
            self.0.follow(opening, viewer, view, begin).await?,
        ))
    }
}

#[tonic::async_trait]
impl StreamService for Streams {
    async fn watch_tasks(
        &self,
        request: Request<WatchTasksRequest>,
    ) -> Result<Response<Messages<WatchTasksResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchTasksRequest {
            board_id,
            since,
            after_sequence,
        } = request.into_inner();
        let kind = tasks::kind(decode::id("board_id", &board_id)?);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_approvals(
        &self,
        request: Request<WatchApprovalsRequest>,
    ) -> Result<Response<Messages<WatchApprovalsResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchApprovalsRequest {
            board_id,
            since,
            after_sequence,
        } = request.into_inner();
        let kind = approvals::kind(decode::id("board_id", &board_id)?);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_board_memory(
        &self,
        request: Request<WatchBoardMemoryRequest>,
    ) -> Result<Response<Messages<WatchBoardMemoryResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchBoardMemoryRequest {
            board_id,
            since,
            is_chat,
            after_sequence,
        } = request.into_inner();
        let kind = memory::of_board(decode::id("board_id", &board_id)?, is_chat);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_group_memory(
        &self,
        request: Request<WatchGroupMemoryRequest>,
    ) -> Result<Response<Messages<WatchGroupMemoryResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchGroupMemoryRequest {
            group_id,
            since,
            is_chat,
            after_sequence,
        } = request.into_inner();
        let kind = memory::of_group(decode::id("group_id", &group_id)?, is_chat);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_board_group_memory(
        &self,
        request: Request<WatchBoardGroupMemoryRequest>,
    ) -> Result<Response<Messages<WatchBoardGroupMemoryResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchBoardGroupMemoryRequest {
            board_id,
            since,
            is_chat,
            after_sequence,
        } = request.into_inner();
        let kind = memory::of_board_group(decode::id("board_id", &board_id)?, is_chat);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_task_comments(
        &self,
        request: Request<WatchTaskCommentsRequest>,
    ) -> Result<Response<Messages<WatchTaskCommentsResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchTaskCommentsRequest {
            board_id,
            since,
            after_sequence,
        } = request.into_inner();
        let kind = comments::kind(decode::optional_id("board_id", board_id.as_deref())?);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }

    async fn watch_agents(
        &self,
        request: Request<WatchAgentsRequest>,
    ) -> Result<Response<Messages<WatchAgentsResponse>>, Status> {
        let caller = Caller::of(&request)?;
        let WatchAgentsRequest {
            board_id,
            since,
            after_sequence,
        } = request.into_inner();
        let kind = agents::kind(decode::optional_id("board_id", board_id.as_deref())?);
        Ok(self
            .open(caller, kind, since.as_deref(), after_sequence)
            .await?)
    }
}
