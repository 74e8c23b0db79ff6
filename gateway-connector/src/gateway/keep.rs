//! Watching over a session for as long as somebody uses the gateway.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::{Instant, sleep_until};

use super::{Gateway, slot::Demand};
use crate::session::Session;

impl Gateway {
    /// Watches over a session: reopens it when it ends while in use, closes it when it is not.
    pub(super) fn keep(self: &Arc<Self>, session: &Arc<Session>) {
        if self.keeping.swap(true, Ordering::SeqCst) {
            return;
        }
        let (gateway, session) = (Arc::clone(self), Arc::clone(session));
        self.tasks.spawn(async move {
            metrics::gauge!("gateway_sessions").increment(1);
            gateway.keep_open(session).await;
            gateway.keeping.store(false, Ordering::SeqCst);
            metrics::gauge!("gateway_sessions").decrement(1);
        });
    }

    async fn keep_open(self: &Arc<Self>, mut session: Arc<Session>) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return self.end(&session).await,
                () = self.until_idle() => return self.end(&session).await,
                () = session.over() => {}
            }
            session = loop {
                let reopened = tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.until_idle() => return,
                    reopened = self.demand(Demand::Patient) => reopened,
                };
                match reopened {
                    Ok(session) => break session,
                    // The next attempt waits for its turn.
                    Err(error) if error.passes() => {}
                    Err(_) => return,
                }
            };
        }
    }

    async fn end(&self, session: &Session) {
        session.close();
        session.over().await;
    }

    async fn until_idle(&self) {
        loop {
            let idle_at = self.used_at() + self.shared.settings.idle_after;
            if idle_at <= Instant::now() {
                return;
            }
            sleep_until(idle_at).await;
        }
    }
}
