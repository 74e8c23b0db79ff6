//! Watching over a session for as long as somebody uses the gateway.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::{Instant, sleep_until};

use super::{Gateway, slot::Demand};
use crate::session::Session;

/// Why nobody watches over the gateway any more.
#[derive(PartialEq, Eq)]
enum Left {
    /// Nobody uses it.
    Idle,
    /// It is closed for good.
    Stopped,
    /// Trying again would not help.
    Refused,
}

impl Gateway {
    /// Watches over a session, or over its absence: opens it again when it ends while in use, closes it when it is not.
    pub(super) fn keep(self: &Arc<Self>, session: Option<&Arc<Session>>) {
        if self.keeping.swap(true, Ordering::SeqCst) {
            return;
        }
        let (gateway, mut session) = (Arc::clone(self), session.cloned());
        self.tasks.spawn(async move {
            metrics::gauge!("gateway_sessions").increment(1);
            loop {
                let left = gateway.keep_open(session.take()).await;
                gateway.keeping.store(false, Ordering::SeqCst);
                // Somebody may have come in the moment in which everybody was gone.
                let missed = left == Left::Idle && gateway.is_watched();
                if !missed || gateway.keeping.swap(true, Ordering::SeqCst) {
                    break;
                }
            }
            metrics::gauge!("gateway_sessions").decrement(1);
        });
    }

    async fn keep_open(self: &Arc<Self>, session: Option<Arc<Session>>) -> Left {
        let mut open = session;
        loop {
            if let Some(session) = open.take() {
                let left = tokio::select! {
                    () = self.stop.cancelled() => Some(Left::Stopped),
                    () = self.until_idle() => Some(Left::Idle),
                    () = session.over() => None,
                };
                if let Some(left) = left {
                    session.close();
                    session.over().await;
                    return left;
                }
            }
            let reopened = tokio::select! {
                () = self.stop.cancelled() => return Left::Stopped,
                () = self.until_idle() => return Left::Idle,
                reopened = self.demand(Demand::Patient) => reopened,
            };
            match reopened {
                Ok(session) => open = Some(session),
                // The next attempt waits for its turn.
                Err(error) if error.passes() => {}
                Err(error) => {
                    self.feed.over(error);
                    return Left::Refused;
                }
            }
        }
    }

    async fn until_idle(&self) {
        loop {
            let now = Instant::now();
            let since = if self.is_watched() {
                now
            } else {
                self.used_at()
            };
            let idle_at = since + self.shared.settings.idle_after;
            if idle_at <= now {
                return;
            }
            sleep_until(idle_at).await;
        }
    }
}
