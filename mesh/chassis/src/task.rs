//! Supervised work: what runs beside requests, ends when told to, and takes the process down when it dies.

use std::{future::Future, time::Duration};

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the front may take to finish what it has begun, and then the background to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// A task that waits to be started.
pub(crate) struct Pending {
    name: &'static str,
    layer: Layer,
    start: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

/// When a task is told to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// First: it takes requests and drains while the background still works.
    Front,
    /// After the front is empty.
    Background,
}

impl Pending {
    pub(crate) fn new<F, Fut>(name: &'static str, layer: Layer, task: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self {
            name,
            layer,
            start: Box::new(move |token| Box::pin(task(token))),
        }
    }
}

/// Running tasks.
pub(crate) struct Tasks {
    front: JoinSet<(&'static str, anyhow::Result<()>)>,
    background: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts everything. Front tasks end on `shutdown`; background tasks once the front is empty.
    pub(crate) fn start(pending: Vec<Pending>, shutdown: &CancellationToken) -> Self {
        let stop = CancellationToken::new();
        let (mut front, mut background) = (JoinSet::new(), JoinSet::new());
        for Pending { name, layer, start } in pending {
            match layer {
                Layer::Front => {
                    let task = start(shutdown.clone());
                    front.spawn(async move { (name, task.await) });
                }
                Layer::Background => {
                    let task = start(stop.clone());
                    background.spawn(async move { (name, task.await) });
                }
            }
        }
        Self {
            front,
            background,
            stop,
        }
    }

    /// Runs until `shutdown`, or until a task dies; then drains front and background in turn.
    pub(crate) async fn supervise(mut self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let death = loop {
            tokio::select! {
                () = shutdown.cancelled() => break None,
                Some(ended) = self.front.join_next() => if let Some(error) = death(ended) { break Some(error) },
                Some(ended) = self.background.join_next() => if let Some(error) = death(ended) { break Some(error) },
                else => {
                    shutdown.cancelled().await;
                    break None;
                }
            }
        };
        shutdown.cancel();
        drain(&mut self.front, "front").await;
        self.stop.cancel();
        drain(&mut self.background, "background").await;
        death.map_or(Ok(()), Err)
    }
}

type Ended = Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>;

fn death(ended: Ended) -> Option<anyhow::Error> {
    match ended {
        Ok((name, Ok(()))) => {
            tracing::debug!(task = name, "task finished");
            None
        }
        Ok((name, Err(error))) => Some(error.context(format!("task `{name}` failed"))),
        Err(panic) => Some(anyhow::Error::new(panic).context("a task panicked")),
    }
}

async fn drain(tasks: &mut JoinSet<(&'static str, anyhow::Result<()>)>, layer: &str) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Some(error) = death(ended) {
                tracing::warn!(
                    layer,
                    error = format!("{error:#}"),
                    "a task failed while stopping"
                );
            }
        }
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!(
            layer,
            left = tasks.len(),
            "tasks did not stop in time and are cut off"
        );
        tasks.shutdown().await;
    }
}
