//! One gateway: its session, opened on demand, reopened while it is in use, closed when it is not.

mod connect;
mod keep;
mod slot;
mod watch;

use std::{
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::watch::Sender,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::slot::{Demand, SHORT_WAIT, Slot};
use crate::{
    call::Failed,
    configuration::Configuration,
    error::Error,
    feed::Feed,
    gateways::Settings,
    identity::Identity,
    lease::{Claim, Leases},
    refusal::Matter,
    session::Session,
    target::Target,
    tls::Tls,
};
use chassis::Clock;

/// Attempts at a request whose connection ends before its response.
const ATTEMPTS: u32 = 4;

/// What all gateways share.
pub(crate) struct Shared {
    pub clock: Clock,
    pub settings: Settings,
    pub leases: Leases,
    pub identity: Identity,
    pub tls: Tls,
}

/// A gateway under one target.
pub(crate) struct Gateway {
    pub target: Target,
    /// Writes to its configuration, one at a time.
    pub configuration: Configuration,
    feed: Arc<Feed>,
    shared: Arc<Shared>,
    slot: tokio::sync::Mutex<Slot>,
    used_at: Mutex<Instant>,
    /// Whether somebody watches over its session.
    keeping: Sender<bool>,
    watchers: AtomicUsize,
    stop: CancellationToken,
    /// Cancelled when its session and its lease are gone for good.
    gone: CancellationToken,
    /// The same of the one that it replaces: two sessions at once there are none.
    before: Option<CancellationToken>,
    tasks: TaskTracker,
}

impl Gateway {
    pub(crate) fn new(
        target: Target,
        shared: Arc<Shared>,
        tasks: TaskTracker,
        before: Option<CancellationToken>,
    ) -> Arc<Self> {
        Arc::new(Self {
            target,
            configuration: Configuration::default(),
            feed: Arc::new(Feed::new(shared.clock.clone())),
            shared,
            slot: tokio::sync::Mutex::new(Slot::empty()),
            used_at: Mutex::new(Instant::now()),
            keeping: Sender::new(false),
            watchers: AtomicUsize::new(0),
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
            before,
            tasks,
        })
    }

    /// The live session, made if need be.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        self.touch();
        self.demand(Demand::Prompt).await
    }

    /// The wire protocol that it speaks.
    pub(crate) async fn protocol(self: &Arc<Self>) -> Result<i32, Error> {
        Ok(self.session().await?.hello.protocol)
    }

    /// The live session, made at once if need be, whatever happened a moment ago.
    pub(crate) async fn session_now(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        self.touch();
        self.demand(Demand::Urgent).await
    }

    /// Calls a method that may be repeated: when the connection ends in the middle the call is made again on a new one.
    pub(crate) async fn call(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
    ) -> Result<Value, Error> {
        match self.attempt(method, params).await? {
            Ok(payload) => Ok(payload),
            Err(failed) => Err(self.explain(method, &failed)),
        }
    }

    /// The same, with what the gateway said left for the caller to judge.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
    ) -> Result<Result<Value, Failed>, Error> {
        let mut attempt = 1;
        loop {
            let outcome = self.once(method, params).await?;
            let wait = match &outcome {
                Err(Failed::Lost) => Duration::ZERO,
                Err(Failed::Refused(refusal))
                    if refusal.retryable && refusal.matter() == Matter::Busy =>
                {
                    refusal.retry_after.unwrap_or(Duration::from_millis(250))
                }
                Ok(_) | Err(_) => return Ok(outcome),
            };
            if attempt == ATTEMPTS || wait > SHORT_WAIT {
                return Ok(outcome);
            }
            attempt += 1;
            sleep(wait).await;
        }
    }

    /// One request on one connection.
    pub(crate) async fn once(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
    ) -> Result<Result<Value, Failed>, Error> {
        let session = self.session().await?;
        let started = Instant::now();
        let outcome = session
            .ask(method, params, self.shared.settings.request_timeout)
            .await;
        let label = match &outcome {
            Ok(_) => "ok",
            Err(Failed::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::histogram!("gateway_request_seconds", "method" => method.to_owned(), "outcome" => label)
            .record(started.elapsed().as_secs_f64());
        if let Err(failed) = &outcome {
            tracing::debug!(gateway.id = %self.target.gateway_id, method, ?label, lost = *failed == Failed::Lost, "gateway request failed");
        }
        Ok(outcome)
    }

    /// A failure as callers see it.
    pub(crate) fn explain(&self, method: &str, failed: &Failed) -> Error {
        failed.to_error(method, self.target.token())
    }

    /// Ends the session for good, and answers what is cancelled when it has ended.
    pub(crate) fn close(self: &Arc<Self>) -> CancellationToken {
        self.stop.cancel();
        let gateway = Arc::clone(self);
        self.tasks.spawn(async move {
            // Whoever is connecting gives up, and after that nobody connects.
            drop(gateway.slot.lock().await);
            // The sender is here, so waiting cannot fail.
            let _ = gateway.keeping.subscribe().wait_for(|kept| !kept).await;
            if let Some(before) = &gateway.before {
                before.cancelled().await;
            }
            let Self { shared, target, .. } = &*gateway;
            shared
                .leases
                .release(&target.gateway_id, Instant::now())
                .await;
            gateway.gone.cancel();
        });
        self.gone.clone()
    }

    /// Whether nobody has used it for a while.
    pub(crate) fn is_idle(&self) -> bool {
        self.used_at().elapsed() > self.shared.settings.idle_after
            && !*self.keeping.borrow()
            && !self.is_watched()
    }

    fn replaced(&self) -> Error {
        Error::Unreachable("its settings have changed meanwhile".into())
    }

    pub(crate) fn touch(&self) {
        *self
            .used_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    fn used_at(&self) -> Instant {
        *self
            .used_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn demand(self: &Arc<Self>, demand: Demand) -> Result<Arc<Session>, Error> {
        let mut slot = self.slot.lock().await;
        let give_up = Instant::now() + self.shared.settings.connect_timeout;
        loop {
            if self.stop.is_cancelled() {
                return Err(self.replaced());
            }
            if let Some(session) = slot.live() {
                return Ok(session);
            }
            let wait = if demand == Demand::Urgent {
                Duration::ZERO
            } else {
                slot.wait(demand)?
            };
            if !wait.is_zero() {
                // Whoever is in a greater hurry may try meanwhile.
                drop(slot);
                sleep(wait).await;
                slot = self.slot.lock().await;
                continue;
            }
            let error = match self.connect_leased().await {
                Ok(session) => {
                    slot.opened(&session);
                    self.keep(Some(&session));
                    return Ok(session);
                }
                Err(error @ Error::HeldElsewhere { .. }) => return Err(error),
                Err(error) => error,
            };
            let is_news = slot.failed(&error);
            self.tell(&error, is_news);
            // A gateway that is starting says when to come back, and that is soon. One that restarts is back in a moment.
            let soon = matches!(&error, Error::Busy { retry_after: Some(wait) } if *wait <= SHORT_WAIT)
                || (slot.is_expected() && error.passes());
            if !soon || slot.next_attempt >= give_up {
                return Err(error);
            }
            sleep_until(slot.next_attempt).await;
        }
    }

    /// Opens a session under the lease of the gateway.
    async fn connect_leased(&self) -> Result<Arc<Session>, Error> {
        if let Some(before) = &self.before {
            before.cancelled().await;
        }
        let (leases, id) = (&self.shared.leases, &self.target.gateway_id);
        if let Claim::Theirs { left, .. } = leases.claim(id).await? {
            return Err(Error::HeldElsewhere { left });
        }
        let left = Duration::from_secs(1);
        let _lived = leases.live(id);
        let session = tokio::select! {
            () = self.stop.cancelled() => return Err(self.replaced()),
            // Others may connect by now.
            () = leases.lost(id) => return Err(Error::HeldElsewhere { left }),
            connected = self.connect() => connected?,
        };
        if !leases.is_ours(id) {
            session.close();
            session.over().await;
            return Err(Error::HeldElsewhere { left });
        }
        Ok(session)
    }
}
