//! Watching over a session for as long as somebody uses the gateway.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{Gateway, slot::Demand};
use crate::{error::Error, session::Session};

/// Why nobody watches over the gateway any more.
#[derive(PartialEq, Eq)]
enum Left {
    /// Nobody uses it.
    Idle,
    /// It is closed for good.
    Stopped,
    /// Trying again would not help, or it is another replica's turn.
    Refused,
}

impl Gateway {
    /// Watches over a session, or over its absence: opens it again when it ends while in use, closes it when it is not.
    pub(super) fn keep(self: &Arc<Self>, session: Option<&Arc<Session>>) {
        if self.keeping.send_replace(true) {
            return;
        }
        let (gateway, mut session) = (Arc::clone(self), session.cloned());
        self.tasks.spawn(async move {
            metrics::gauge!("gateway_sessions").increment(1);
            loop {
                let left = gateway.keep_open(session.take()).await;
                gateway.keeping.send_replace(false);
                if left == Left::Stopped {
                    break;
                }
                // Somebody may have come in the moment in which everybody was gone.
                session = gateway.slot.lock().await.live();
                let missed = session.is_some() || (left == Left::Idle && gateway.is_watched());
                if !missed || gateway.keeping.send_replace(true) {
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
                let leases = &self.shared.leases;
                let _lived = leases.live(&self.target.gateway_id);
                let left = tokio::select! {
                    () = self.stop.cancelled() => Some(Left::Stopped),
                    () = self.until_idle() => Some(Left::Idle),
                    () = leases.lost(&self.target.gateway_id) => Some(Left::Refused),
                    () = session.over() => None,
                };
                if let Some(left) = left {
                    if left == Left::Refused {
                        // Said before another session can be: whoever follows that one is not meant.
                        let left = Duration::from_secs(1);
                        self.feed.over(Error::HeldElsewhere { left });
                    }
                    let unused_since = Instant::now();
                    session.close();
                    session.over().await;
                    if left == Left::Idle {
                        leases.release(&self.target.gateway_id, unused_since).await;
                    }
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
