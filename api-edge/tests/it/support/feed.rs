//! A stand-in for activity: a feed that the test speaks into.

use std::{pin::Pin, sync::Arc};

use chassis::{Caller, Fault};
use futures::Stream;
use proto::{
    activity::v1::{WatchRequest, WatchResponse, feed_service_server::FeedService},
    event::v1::{Actor, ActorKind, Event, event::Payload},
};
use tokio::sync::broadcast::error::RecvError;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Behind, Edge};

type Watching = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

pub(crate) struct Feed(pub(crate) Arc<Behind>);

#[tonic::async_trait]
impl FeedService for Feed {
    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Watching>, Status> {
        let is_edge = matches!(Caller::of(&request)?, Caller::Internal { .. });
        let request = request.into_inner();
        if request.board_id.as_deref() == Some("hidden") {
            return Err(Fault::not_found("BOARD_NOT_FOUND", "no such board").into());
        }
        let after = request.after_sequence.unwrap_or(0);
        let mut feed = self.0.feed.subscribe();
        if !is_edge {
            self.0.watched.lock().unwrap().push(request);
        }
        let backlog = self.0.backlog.lock().unwrap().clone();
        let stream = async_stream::stream! {
            yield Ok(WatchResponse { sequence: after, event: None });
            for message in backlog.into_iter().filter(|message| message.sequence > after) {
                yield Ok(message);
            }
            loop {
                match feed.recv().await {
                    Ok(message) if message.sequence < 0 => {
                        yield Err(Fault::not_found("BOARD_NOT_FOUND", "no longer yours").into());
                        return;
                    }
                    Ok(message) => yield Ok(message),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        Ok(Response::new(Box::pin(stream)))
    }
}

/// An event at a place in the feed.
pub(crate) fn event(sequence: i64, kind: &str, payload: Option<Payload>) -> WatchResponse {
    let event = Event {
        id: Uuid::from_u128(sequence as u128).to_string(),
        r#type: kind.into(),
        actor: Some(Actor {
            kind: ActorKind::System.into(),
            id: None,
            name: "Mission Control".into(),
        }),
        organization_id: Uuid::from_u128(100).to_string(),
        payload,
        ..Event::default()
    };
    WatchResponse {
        sequence,
        event: Some(event),
    }
}

impl Edge {
    /// Says something on the feed once somebody listens to it.
    pub(crate) async fn say(&self, message: WatchResponse) {
        while self.behind.feed.receiver_count() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        self.behind.feed.send(message).unwrap();
    }
}
