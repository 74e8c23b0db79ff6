//! Reading the log.

use chassis::{Caller, Cursor, decode};
use proto::{
    activity::v1::{
        ExportActivityRequest, ListActivityRequest, ListActivityResponse, ListTaskCommentsRequest,
        ListTaskCommentsResponse, activity_service_server::ActivityService,
    },
    google::api::HttpBody,
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{Gone, follow::Messages, may_see, optional_id, patterns};
use crate::{
    error::Error,
    filter::Filter,
    store::{list, selection::Selection},
    viewer::Viewer,
    wire,
};

/// How far a list is counted; `total` says no more than this.
pub(super) const COUNT: i64 = 10_000;

/// Reads the log.
pub(crate) struct Activity {
    pub(crate) pool: PgPool,
    pub(crate) stop: CancellationToken,
}

#[tonic::async_trait]
impl ActivityService for Activity {
    async fn list_activity(
        &self,
        request: Request<ListActivityRequest>,
    ) -> Result<Response<ListActivityResponse>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(self.list(&viewer, request.get_ref()).await?))
    }

    async fn list_task_comments(
        &self,
        request: Request<ListTaskCommentsRequest>,
    ) -> Result<Response<ListTaskCommentsResponse>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(
            self.comments(&viewer, request.get_ref()).await?,
        ))
    }

    async fn export_activity(
        &self,
        request: Request<ExportActivityRequest>,
    ) -> Result<Response<Messages<HttpBody>>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(self.export(viewer, request.get_ref()).await?))
    }
}

impl Activity {
    async fn list(
        &self,
        viewer: &Viewer,
        request: &ListActivityRequest,
    ) -> Result<ListActivityResponse, Error> {
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let filter = Filter {
            board_id: optional_id("board_id", request.board_id.as_ref())?,
            task_id: optional_id("task_id", request.task_id.as_ref())?,
            agent_id: optional_id("agent_id", request.agent_id.as_ref())?,
            actor_id: optional_id("actor_id", request.actor_id.as_ref())?,
            types: patterns("event_type", &request.event_type)?,
            since: decode::time("since", request.since.as_ref())?,
            until: decode::time("until", request.until.as_ref())?,
        };
        may_see(&self.pool, viewer, filter.board_id, Gone::Readable).await?;

        let selection = Selection {
            reach: viewer.reach(),
            filter,
        };
        let before = page.after.map(|cursor| cursor.id);
        let rows = async {
            list::newest(
                &mut *self.pool.acquire().await?,
                &selection,
                before,
                page.offset,
                page.beyond().limit,
            )
            .await
        };
        let total =
            async { list::count(&mut *self.pool.acquire().await?, &selection, COUNT).await };
        let (mut rows, total) = futures::try_join!(rows, total)?;

        let next_page_token = page.cut(&mut rows, |row| Cursor {
            at: row.entry.occurred_at,
            id: row.entry.id,
        });
        Ok(ListActivityResponse {
            next_page_token,
            items: rows
                .into_iter()
                .map(|row| wire::activity_event(row, viewer.reads_reasons()))
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
        })
    }
}
