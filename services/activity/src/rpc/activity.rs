//! Reading the log.

use chassis::{Caller, Cursor, decode};
use proto::activity::v1::{
    ListActivityRequest, ListActivityResponse, activity_service_server::ActivityService,
};
use sqlx::PgPool;
use tonic::{Request, Response, Status};

use super::{must_see, optional_id, patterns};
use crate::{
    error::Error,
    filter::Filter,
    store::log::{self, Selection},
    viewer::Viewer,
    wire,
};

/// How far a list is counted; `total` says no more than this.
const COUNT: i64 = 10_000;

/// Reads the log.
pub(crate) struct Activity {
    pub(crate) pool: PgPool,
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
            types: patterns("event_type", &request.event_type)?,
        };
        must_see(&self.pool, viewer, filter.board_id).await?;

        let selection = Selection {
            reach: viewer.reach(),
            filter,
        };
        let before = page.after.map(|cursor| cursor.id);
        let rows = async {
            log::list(
                &mut *self.pool.acquire().await?,
                &selection,
                before,
                page.offset,
                page.beyond().limit,
            )
            .await
        };
        let total = async { log::count(&mut *self.pool.acquire().await?, &selection, COUNT).await };
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
