//! The feed: everything that the viewer sees.

use chassis::Caller;
use proto::activity::v1::{WatchRequest, WatchResponse, feed_service_server::FeedService};
use tonic::{Request, Response, Status};

use super::{
    follow::{Begin, Messages, Source, View},
    optional_id, patterns,
};
use crate::{error::Error, feed::Item, filter::Filter, place::Place, reasons, viewer::Viewer};

/// Follows the log.
pub(crate) struct Feed(pub(crate) Source);

#[tonic::async_trait]
impl FeedService for Feed {
    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Messages<WatchResponse>>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(self.open(viewer, request.get_ref()).await?))
    }
}

impl Feed {
    async fn open(
        &self,
        viewer: Viewer,
        request: &WatchRequest,
    ) -> Result<Messages<WatchResponse>, Error> {
        let filter = Filter {
            board_id: optional_id("board_id", request.board_id.as_ref())?,
            task_id: optional_id("task_id", request.task_id.as_ref())?,
            types: patterns("event_type", &request.event_type)?,
            ..Filter::default()
        };
        let begin = Begin::of(request.after_sequence, None)?;
        let opening = self.0.listen().await?;
        let place = match filter.board_id {
            Some(board) => Place::board(&self.0.pool, &viewer, board).await?,
            None => Place::Anywhere,
        };
        let view = View {
            place,
            admins_only: false,
            filter,
            standing: |sequence| WatchResponse {
                sequence,
                event: None,
            },
            telling: Box::new(|viewer, item| Some(telling(viewer, item))),
        };
        self.0.follow(opening, viewer, view, begin).await
    }
}

fn telling(viewer: &Viewer, item: &Item) -> WatchResponse {
    let mut event = (*item.event).clone();
    if !viewer.reads_reasons() {
        reasons::withhold(&mut event);
    }
    WatchResponse {
        sequence: item.sequence,
        event: Some(event),
    }
}
