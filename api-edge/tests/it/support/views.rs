//! Stand-ins for what activity answers besides the feed: views of it, and an export.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chassis::Fault;
use futures::{Stream, StreamExt, stream};
use proto::{
    activity::v1::{
        ExportActivityRequest, ExportFormat, WatchBoardMemoryRequest, WatchBoardMemoryResponse,
        WatchRequest, activity_service_server::ActivityService,
        stream_service_server::StreamService,
    },
    board::v1::BoardMemory,
    google::api::HttpBody,
};
use tonic::{Request, Response, Status};

use super::Behind;

pub(crate) struct Views(pub(crate) Arc<Behind>);

type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn hidden() -> Status {
    Fault::not_found("BOARD_NOT_FOUND", "no such board").into()
}

#[tonic::async_trait]
impl StreamService for Views {
    async fn watch_board_memory(
        &self,
        request: Request<WatchBoardMemoryRequest>,
    ) -> Result<Response<Items<WatchBoardMemoryResponse>>, Status> {
        let request = request.into_inner();
        if self.0.hidden.load(Ordering::SeqCst) {
            return Err(hidden());
        }
        let after = request.after_sequence.unwrap_or(0);
        self.0.watched.lock().unwrap().push(WatchRequest {
            after_sequence: request.after_sequence,
            board_id: Some(request.board_id),
            ..WatchRequest::default()
        });
        let memory = |sequence, content: Option<&str>| WatchBoardMemoryResponse {
            sequence,
            memory: content.map(|content| BoardMemory {
                content: content.into(),
                ..BoardMemory::default()
            }),
        };
        let items = [
            memory(after, None),
            memory(after + 1, Some("one")),
            memory(after + 2, None),
            memory(after + 3, Some("two")),
        ];
        let items = stream::iter(items.map(Ok)).chain(stream::pending());
        Ok(Response::new(Box::pin(items)))
    }
}

#[tonic::async_trait]
impl ActivityService for Views {
    async fn export_activity(
        &self,
        request: Request<ExportActivityRequest>,
    ) -> Result<Response<Items<HttpBody>>, Status> {
        let part = |content_type: &str, data: &'static str| {
            Ok(HttpBody {
                content_type: content_type.into(),
                data: data.into(),
            })
        };
        let request = request.into_inner();
        let items = match (request.format(), request.actor_id.as_deref()) {
            (_, Some("late")) => vec![Err(hidden())],
            (_, Some("cut")) => vec![
                part("text/csv", "id\n"),
                Err(Status::internal("postgres://secret")),
            ],
            (ExportFormat::Csv, _) => vec![
                part("text/csv; charset=utf-8", "id\n"),
                part("", "1\n"),
                part("", "# exported 1\n"),
            ],
            _ => vec![
                part("application/x-ndjson", "{\"id\":1}\n"),
                part("", "{\"exported\":1}\n"),
            ],
        };
        if self.0.hidden.load(Ordering::SeqCst) {
            return Err(hidden());
        }
        // The first part is on its way before the next one is there.
        let items = stream::iter(items)
            .enumerate()
            .then(|(place, item)| async move {
                tokio::time::sleep(Duration::from_millis(if place == 0 { 0 } else { 50 })).await;
                item
            });
        Ok(Response::new(Box::pin(items)))
    }
}
