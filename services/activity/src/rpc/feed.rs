//! The feed, viewer by viewer.

use std::{pin::Pin, sync::Arc, time::Duration};

use chassis::{Caller, fault::Fault};
use futures::Stream;
use proto::activity::v1::{WatchRequest, WatchResponse, feed_service_server::FeedService};
use sqlx::PgPool;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{must_see, optional_id, patterns};
use crate::{
    error::Error,
    feed::{self, Hub, Item},
    filter::Filter,
    store::log,
    viewer::{self, Viewer},
};

/// Follows the log.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) pool: PgPool,
    pub(crate) hub: Hub,
    pub(crate) pace: Pace,
    pub(crate) stop: CancellationToken,
}

/// The times of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// A stream says where it stands at least this often.
    pub(crate) keep_alive: Duration,
    /// Then a viewer connects anew and shows its rights again.
    pub(crate) max_age: Duration,
}

type Answers = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl FeedService for Feed {
    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Answers>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        let watch = self.begin(viewer, request.get_ref()).await?;
        Ok(Response::new(Box::pin(watch.run())))
    }
}

impl Feed {
    async fn begin(&self, viewer: Viewer, request: &WatchRequest) -> Result<Watch, Error> {
        let filter = Filter {
            board_id: optional_id("board_id", request.board_id.as_ref())?,
            task_id: optional_id("task_id", request.task_id.as_ref())?,
            agent_id: None,
            types: patterns("event_type", &request.event_type)?,
        };
        if request.after_sequence.is_some_and(|after| after < 0) {
            return Err(
                Fault::invalid("after_sequence", "OUT_OF_RANGE", "must not be negative").into(),
            );
        }
        must_see(&self.pool, &viewer, filter.board_id).await?;

        // First subscribed, then looked: what is committed in between is in both, and told once.
        let live = self.hub.subscribe();
        let (head, _) = log::head(&mut *self.pool.acquire().await?).await?;
        Ok(Watch {
            feed: self.clone(),
            viewer,
            filter,
            live,
            // Beyond the head is no position of this log; the stream begins now.
            position: request.after_sequence.unwrap_or(head).min(head),
            head,
        })
    }
}

/// One stream.
struct Watch {
    feed: Feed,
    viewer: Viewer,
    filter: Filter,
    live: Receiver<Arc<Item>>,
    /// Everything up to here was told or was not for this viewer.
    position: i64,
    /// Where the log stood after `live` began.
    head: i64,
}

/// Why a following stream stirs.
enum Wake {
    Live(Result<Arc<Item>, RecvError>),
    KeepAlive,
    Old,
    Stop,
}

impl Watch {
    fn run(mut self) -> impl Stream<Item = Result<WatchResponse, Status>> + Send {
        async_stream::try_stream! {
            yield self.standing();
            let age = sleep(self.feed.pace.max_age);
            let mut age = std::pin::pin!(age);

            loop {
                while self.position < self.head {
                    for item in self.missed().await? {
                        self.position = item.sequence;
                        if self.wants(&item) {
                            yield self.telling(&item);
                        }
                    }
                    self.go_on()?;
                }
                if !self.has_lagged() {
                    break;
                }
                self.subscribe_again().await?;
            }

            let every = self.feed.pace.keep_alive;
            let mut keep_alive = interval_at(Instant::now() + every, every);
            loop {
                let wake = tokio::select! {
                    biased;
                    () = self.feed.stop.cancelled() => Wake::Stop,
                    () = &mut age => Wake::Old,
                    item = self.live.recv() => Wake::Live(item),
                    _ = keep_alive.tick() => Wake::KeepAlive,
                };
                match wake {
                    Wake::Live(item) => if let Some(item) = self.advance(item)? {
                        keep_alive.reset();
                        yield self.telling(&item);
                    },
                    Wake::KeepAlive => yield self.standing(),
                    Wake::Old => Err(Error::StreamExpired { sequence: self.position })?,
                    Wake::Stop => Err(Error::Stopping { sequence: self.position })?,
                }
            }
        }
    }

    /// The next page of what was missed. After the last, the position is the head.
    async fn missed(&mut self) -> Result<Vec<Item>, Error> {
        let mut conn = self.feed.pool.acquire().await?;
        let organization = self.viewer.0.organization_id();
        let rows = log::replay(
            &mut conn,
            organization,
            &self.filter,
            self.position,
            self.head,
            feed::PAGE,
        )
        .await?;
        if i64::try_from(rows.len()).is_ok_and(|rows| rows < feed::PAGE) {
            self.position = self.head;
        }
        feed::items(rows)
    }

    /// Ends a replay when the process stops.
    fn go_on(&self) -> Result<(), Error> {
        if self.feed.stop.is_cancelled() {
            Err(Error::Stopping {
                sequence: self.position,
            })
        } else {
            Ok(())
        }
    }

    /// Whether more happened during the replay than the hub keeps.
    fn has_lagged(&self) -> bool {
        self.live.len() >= self.feed.hub.buffer()
    }

    async fn subscribe_again(&mut self) -> Result<(), Error> {
        self.live = self.feed.hub.subscribe();
        (self.head, _) = log::head(&mut *self.feed.pool.acquire().await?).await?;
        Ok(())
    }

    /// Takes a live event: `None` when it was told before or is not for this viewer.
    fn advance(
        &mut self,
        received: Result<Arc<Item>, RecvError>,
    ) -> Result<Option<Arc<Item>>, Error> {
        let sequence = self.position;
        let item = received.map_err(|error| match error {
            RecvError::Lagged(_) => Error::ReaderTooSlow { sequence },
            RecvError::Closed => Error::Stopping { sequence },
        })?;
        if item.sequence <= self.position {
            return Ok(None);
        }
        self.position = item.sequence;
        if self.viewer.is_changed_by(&item.event) {
            return Err(Error::CallerChanged { sequence });
        }
        Ok(self.wants(&item).then_some(item))
    }

    fn wants(&self, item: &Item) -> bool {
        self.viewer.sees(item) && self.filter.admits(item.about())
    }

    fn standing(&self) -> WatchResponse {
        WatchResponse {
            sequence: self.position,
            event: None,
        }
    }

    fn telling(&self, item: &Item) -> WatchResponse {
        let mut event = (*item.event).clone();
        if !self.viewer.reads_reasons() {
            viewer::redact(&mut event);
        }
        WatchResponse {
            sequence: item.sequence,
            event: Some(event),
        }
    }
}
