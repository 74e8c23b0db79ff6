//! The live feed: one reader per process follows the log and tells every viewer.
//!
//! The reader wakes when a commit says that the log has grown, reads what is new in order, decodes each event once and hands
//! it to all viewers. A viewer costs a filter in memory, never a query, while it follows.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chassis::decode;
use chrono::{DateTime, Utc};
use prost::Message;
use proto::event::v1::Event;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    error::Error,
    filter::About,
    store::{
        feed::{self as store, FeedRow},
        log,
    },
};

/// Rows that are read at once.
pub(crate) const PAGE: i64 = 500;
/// How long the reader waits for a connection to listen on.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the reader trusts that it would be told; afterwards it looks.
const POLL: Duration = Duration::from_secs(1);

/// An event on its way to viewers.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) sequence: i64,
    pub(crate) organization_id: Uuid,
    pub(crate) board_id: Option<Uuid>,
    /// Of the gateway that the board is on.
    pub(crate) gateway_id: Option<Uuid>,
    /// Whether the board is gone.
    pub(crate) board_deleted: bool,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) actor_id: Option<Uuid>,
    /// Role of the agent that did it.
    pub(crate) actor_role: Option<String>,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) event: Arc<Event>,
}

impl Item {
    /// What filters look at.
    pub(crate) fn about(&self) -> About<'_> {
        About {
            board_id: self.board_id,
            task_id: self.task_id,
            agent_id: self.agent_id,
            actor_id: self.actor_id,
            event_type: &self.event.r#type,
            occurred_at: self.occurred_at,
        }
    }
}

impl TryFrom<FeedRow> for Item {
    type Error = prost::DecodeError;

    fn try_from(row: FeedRow) -> Result<Self, prost::DecodeError> {
        let event = Event::decode(row.encoded.as_slice())?;
        let id =
            |text: &Option<String>| text.as_deref().and_then(|text| Uuid::try_parse(text).ok());
        Ok(Self {
            sequence: row.sequence,
            organization_id: Uuid::try_parse(&event.organization_id).unwrap_or_default(),
            board_id: id(&event.board_id),
            gateway_id: row.gateway_id,
            board_deleted: row.board_deleted,
            task_id: id(&event.task_id),
            agent_id: id(&event.agent_id),
            actor_id: event.actor.as_ref().and_then(|actor| id(&actor.id)),
            actor_role: row.actor_role,
            occurred_at: decode::time("occurred_at", event.occurred_at.as_ref())
                .ok()
                .flatten()
                .unwrap_or_default(),
            event: Arc::new(event),
        })
    }
}

/// Where viewers subscribe.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<Arc<Item>>,
    buffer: usize,
}

impl Hub {
    /// A hub whose viewers may be this many events behind.
    pub(crate) fn new(buffer: usize) -> Self {
        Self {
            sender: broadcast::Sender::new(buffer),
            buffer,
        }
    }

    /// How many events a viewer may be behind.
    pub(crate) fn buffer(&self) -> usize {
        self.buffer
    }

    /// Everything that the reader finds from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Item>> {
        self.sender.subscribe()
    }

    /// Follows the log from a position until told to stop. Outlives failures of the database: it goes on where it was.
    ///
    /// The position is one that the log had before the first viewer came: what follows it is told to every viewer.
    pub(crate) async fn follow(
        self,
        pool: PgPool,
        mut last: i64,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut listener: Option<PgListener> = None;
        while !stop.is_cancelled() {
            let step = async {
                let told = match &mut listener {
                    Some(told) => told,
                    None => listener.insert(listen(&pool).await?),
                };
                last = self.tell_news(&pool, last).await?;
                // What is committed between the look and the wait has been told to the listener.
                news(told).await?;
                anyhow::Ok(())
            };
            let outcome = tokio::select! {
                outcome = step => outcome,
                () = stop.cancelled() => return Ok(()),
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the live feed lost the database and tries again"
                );
                listener = None;
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// Tells what is in the log after `last` and answers how far that went.
    async fn tell_news(&self, pool: &PgPool, mut last: i64) -> anyhow::Result<i64> {
        loop {
            let rows = store::tail(&mut *pool.acquire().await?, last, PAGE).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= PAGE);
            for row in rows {
                let sequence = row.sequence;
                match Item::try_from(row).context("a stored event cannot be read") {
                    // Fails when nobody is watching, and then nobody misses it.
                    Ok(item) => _ = self.sender.send(Arc::new(item)),
                    Err(error) => tracing::error!(
                        sequence,
                        error = format!("{error:#}"),
                        "left out of the live feed"
                    ),
                }
                last = sequence;
            }
            if !full {
                return Ok(last);
            }
        }
    }
}

/// Listens on a connection of its own: the pool's are for work.
async fn listen(pool: &PgPool) -> sqlx::Result<PgListener> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    listener.listen(log::CHANNEL).await?;
    Ok(listener)
}

/// Waits until the log has grown, at most so long. Several commits at once are one piece of news.
async fn news(listener: &mut PgListener) -> anyhow::Result<()> {
    let mut patience = POLL;
    while let Ok(told) = tokio::time::timeout(patience, listener.try_recv()).await {
        told?.context("the connection that listens was lost")?;
        patience = Duration::ZERO;
    }
    Ok(())
}

/// The next page of what a viewer missed, decoded.
pub(crate) fn items(rows: Vec<FeedRow>) -> Result<Vec<Item>, Error> {
    rows.into_iter()
        .map(|row| Item::try_from(row).map_err(Error::from))
        .collect()
}
