//! Watching a gateway: its news from now on, and a session that stays open for as long as somebody listens.

use std::sync::{Arc, atomic::Ordering};

use chassis::Explain;
use futures::{Stream, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::{
    error::Error,
    feed::{News, Told},
};

/// Keeps the session open for as long as it lives.
struct Listening(Arc<Gateway>);

impl Listening {
    fn to(gateway: &Arc<Gateway>) -> Self {
        gateway.watchers.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(gateway))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.touch();
        self.0.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Somebody who watches.
struct Watcher {
    listening: Listening,
    /// What stood when watching began.
    first: Option<Told>,
    news: Receiver<News>,
    /// The process stops.
    stop: CancellationToken,
}

impl Gateway {
    /// Follows the gateway. A connection that cannot be had now is waited for, unless waiting would not help.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        stop: CancellationToken,
    ) -> Result<impl Stream<Item = Result<Told, Error>> + Send + use<>, Error> {
        let listening = Listening::to(self);
        match self.session().await {
            Ok(_) => {}
            Err(error) if error.passes() => {
                self.feed.disconnected(error.reason(), &error.to_string());
                self.keep(None);
            }
            Err(error) => return Err(error),
        }
        let (standing, news) = self.feed.subscribe();
        let watcher = Watcher {
            listening,
            first: Some(standing),
            news,
            stop,
        };
        Ok(stream::unfold(Some(watcher), |watcher| async move {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(told) => Some((Ok(told), Some(watcher))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0
    }
}

impl Watcher {
    async fn next(&mut self) -> Result<Told, Error> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        let gateway = &self.listening.0;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::Unreachable("this replica stops".into())),
            () = gateway.stop.cancelled() => Err(gateway.replaced()),
            news = self.news.recv() => match news {
                Ok(News::Told(told)) => Ok(told),
                Ok(News::Over(error)) => Err(error),
                Err(RecvError::Lagged(_)) => Err(Error::TooSlow),
                Err(RecvError::Closed) => Err(gateway.replaced()),
            },
        }
    }
}
