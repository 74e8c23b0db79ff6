//! A stream of the feed, whatever its messages are: replay, then follow, until the viewer's rights, age or pace end it.

use std::{pin::Pin, sync::Arc, time::Duration};

use chassis::fault::Fault;
use chrono::{DateTime, Utc};
use futures::Stream;
use sqlx::PgPool;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    error::Error,
    feed::{self, Hub, Item},
    filter::Filter,
    place::Place,
    standing::{self, Standing},
    store::{feed as store, log},
    viewer::Viewer,
};

/// Where streams come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) pool: PgPool,
    pub(crate) hub: Hub,
    pub(crate) pace: Pace,
    pub(crate) clock: chassis::Clock,
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

/// What a stream shows.
pub(crate) struct View<M> {
    pub(crate) place: Place,
    /// Whether a viewer has to be an admin, also later.
    pub(crate) admins_only: bool,
    pub(crate) filter: Filter,
    /// A message that says where the stream stands and nothing else.
    pub(crate) standing: fn(i64) -> M,
    /// What an event that passed place and filter is told as, if at all.
    pub(crate) telling: Telling<M>,
}

/// What the event of an item is told as, if at all.
pub(crate) type Telling<M> = Box<dyn Fn(&Viewer, &Item) -> Option<M> + Send + Sync>;

/// Where a stream begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    Now,
    After(i64),
    Since(DateTime<Utc>),
}

impl Begin {
    /// A position wins over a moment; without either it is now.
    pub(crate) fn of(
        after_sequence: Option<i64>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Self, Fault> {
        match (after_sequence, since) {
            (Some(after), _) if after < 0 => Err(Fault::invalid(
                "after_sequence",
                "OUT_OF_RANGE",
                "must not be negative",
            )),
            (Some(after), _) => Ok(Self::After(after)),
            (None, Some(since)) => Ok(Self::Since(since)),
            (None, None) => Ok(Self::Now),
        }
    }
}

/// The messages of a stream.
pub(crate) type Messages<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// A stream that listens already and does not yet know what for.
pub(crate) struct Opening {
    live: Receiver<Arc<Item>>,
    /// Where the log stood after `live` began.
    head: i64,
}

impl Source {
    /// Begins to listen. Whatever a stream is bound to is looked at afterwards, so that what changes there is heard.
    pub(crate) async fn listen(&self) -> Result<Opening, Error> {
        // First subscribed, then looked: what is committed in between is in both, and told once.
        let live = self.hub.subscribe();
        let (head, _) = log::head(&mut *self.pool.acquire().await?).await?;
        Ok(Opening { live, head })
    }

    /// Shows what was missed and what happens.
    pub(crate) async fn follow<M: Send + 'static>(
        &self,
        Opening { live, head }: Opening,
        viewer: Viewer,
        mut view: View<M>,
        begin: Begin,
    ) -> Result<Messages<M>, Error> {
        let position = match begin {
            Begin::Now => head,
            // Beyond the head is no position of this log; the stream begins now.
            Begin::After(after) => after.min(head),
            Begin::Since(since) if since > self.clock.now() => head,
            Begin::Since(since) => {
                view.filter.since = Some(since);
                self.before(&viewer, since).await?.unwrap_or(head).min(head)
            }
        };
        let follow = Follow {
            source: self.clone(),
            viewer,
            view,
            live,
            position,
            head,
        };
        Ok(Box::pin(follow.run()))
    }

    /// The position before everything that happened from a moment on.
    async fn before(&self, viewer: &Viewer, since: DateTime<Utc>) -> Result<Option<i64>, Error> {
        let Some(organization) = viewer.0.organization_id() else {
            return Ok(None);
        };
        let mut conn = self.pool.acquire().await?;
        let first = store::first_since(&mut conn, organization, since).await?;
        Ok(first.map(|first| first - 1))
    }
}

/// One stream.
struct Follow<M> {
    source: Source,
    viewer: Viewer,
    view: View<M>,
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

impl<M: Send + 'static> Follow<M> {
    fn run(mut self) -> impl Stream<Item = Result<M, Status>> + Send {
        async_stream::try_stream! {
            yield (self.view.standing)(self.position);
            let age = sleep(self.source.pace.max_age);
            let mut age = std::pin::pin!(age);

            loop {
                while self.position < self.head {
                    for item in self.missed().await? {
                        self.position = item.sequence;
                        if let Some(message) = self.message(&item) {
                            yield message;
                        }
                    }
                    self.go_on()?;
                }
                if !self.has_lagged() {
                    break;
                }
                self.subscribe_again().await?;
            }
            // What happens from now on is told, however late it was written down.
            self.view.filter.since = None;

            let every = self.source.pace.keep_alive;
            let mut keep_alive = interval_at(Instant::now() + every, every);
            loop {
                let wake = tokio::select! {
                    biased;
                    () = self.source.stop.cancelled() => Wake::Stop,
                    () = &mut age => Wake::Old,
                    item = self.live.recv() => Wake::Live(item),
                    _ = keep_alive.tick() => Wake::KeepAlive,
                };
                match wake {
                    Wake::Live(item) => if let Some(item) = self.advance(item)? {
                        if let Some(message) = self.message(&item) {
                            keep_alive.reset();
                            yield message;
                        }
                        self.judge()?;
                    },
                    Wake::KeepAlive => yield (self.view.standing)(self.position),
                    Wake::Old => Err(Error::StreamExpired { sequence: self.position })?,
                    Wake::Stop => Err(Error::Stopping { sequence: self.position })?,
                }
            }
        }
    }

    /// The next page of what was missed. After the last, the position is the head.
    async fn missed(&mut self) -> Result<Vec<Item>, Error> {
        let mut conn = self.source.pool.acquire().await?;
        let rows = store::replay(
            &mut conn,
            self.viewer.0.organization_id(),
            &self.view.filter,
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
        if self.source.stop.is_cancelled() {
            Err(Error::Stopping {
                sequence: self.position,
            })
        } else {
            Ok(())
        }
    }

    /// Whether more happened during the replay than the hub keeps.
    fn has_lagged(&self) -> bool {
        self.live.len() >= self.source.hub.buffer()
    }

    async fn subscribe_again(&mut self) -> Result<(), Error> {
        let (mut heard, sequence) = (self.head, self.position);
        self.live = self.source.hub.subscribe();
        (self.head, _) = log::head(&mut *self.source.pool.acquire().await?).await?;
        // What would have been heard of the viewer may be among what was lost.
        while heard < self.head {
            let items = self.told_of_viewers(heard).await?;
            heard = items.last().map_or(self.head, |item| item.sequence);
            for item in items {
                self.stand(&item, sequence)?;
            }
        }
        // And so may what would have been heard of the place.
        self.view.place = self
            .view
            .place
            .again(&self.source.pool, &self.viewer)
            .await?;
        Ok(())
    }

    /// Events from a position to the head that may change what somebody sees; one page of them.
    async fn told_of_viewers(&self, after: i64) -> Result<Vec<Item>, Error> {
        let filter = Filter {
            types: standing::types(),
            ..Filter::default()
        };
        let rows = store::replay(
            &mut *self.source.pool.acquire().await?,
            self.viewer.0.organization_id(),
            &filter,
            after,
            self.head,
            feed::PAGE,
        )
        .await?;
        feed::items(rows)
    }

    /// Takes a live event: `None` when it was told before.
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
        self.stand(&item, sequence)?;
        self.view.place.heed(&item);
        Ok(Some(item))
    }

    /// Ends the stream of a viewer whose rights an event changes; it resumes after `sequence` unless it has none any more.
    fn stand(&mut self, item: &Item, sequence: i64) -> Result<(), Error> {
        match self.viewer.after(&item.event) {
            Standing::Same => Ok(()),
            Standing::Ended => Err(Error::AccessEnded),
            Standing::Doubtful => Err(Error::CallerChanged { sequence }),
            Standing::Changed(viewer) => {
                self.viewer = viewer;
                self.judge()?;
                Err(Error::CallerChanged { sequence })
            }
        }
    }

    /// Ends the stream of a viewer that may no longer see what it is bound to.
    fn judge(&self) -> Result<(), Error> {
        if self.view.admins_only && !self.viewer.0.is_admin() {
            return Err(Error::AdminRequired);
        }
        self.view.place.admit(&self.viewer)
    }

    fn message(&self, item: &Item) -> Option<M> {
        let shown =
            self.view.place.shows(&self.viewer, item) && self.view.filter.admits(item.about());
        shown
            .then(|| (self.view.telling)(&self.viewer, item))
            .flatten()
    }
}
