//! Where a gateway's session is kept, and when the next attempt at one may be made.

use std::{sync::Arc, time::Duration};

use chassis::Explain;
use tokio::time::Instant;

use crate::{backoff, error::Error, session::Session};

/// Longest wait that a caller is made to sit out; beyond it learns at once when to come back.
pub(super) const SHORT_WAIT: Duration = Duration::from_secs(3);
/// A session that ends sooner, and has answered nothing, counts as a failed attempt: a gateway that accepts and hangs up is
/// not hammered.
const SHORT_LIFE: Duration = Duration::from_secs(2);
/// How long a gateway that announced its restart is looked for, and how often.
const RESTART: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(250));
/// How long a caller sits such a restart out.
const PATIENCE: Duration = Duration::from_secs(5);

/// The session, or the history of failing to open one.
pub(super) struct Slot {
    session: Option<Arc<Session>>,
    failures: u32,
    pub next_attempt: Instant,
    /// A restart was announced; until then it is expected back any moment.
    expected_until: Option<Instant>,
    last_error: Option<Error>,
}

/// How much the caller wants a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Now, even if the last attempt has just failed.
    Urgent,
    /// Soon; after a failure the caller rather comes back later than waits.
    Prompt,
    /// Whenever it comes about.
    Patient,
}

impl Slot {
    pub(super) fn empty() -> Self {
        Self {
            session: None,
            failures: 0,
            next_attempt: Instant::now(),
            expected_until: None,
            last_error: None,
        }
    }

    /// The session, unless it has ended; the early end of one that was of no use counts as a failed attempt.
    pub(super) fn live(&mut self) -> Option<Arc<Session>> {
        let session = self.session.take_if(|session| session.is_over());
        if let Some(ended) = session {
            let now = Instant::now();
            self.expected_until = ended.comes_back().then(|| now + RESTART.0);
            let useless = ended.age() < SHORT_LIFE && !ended.has_served() && !ended.comes_back();
            self.failures = if useless { self.failures + 1 } else { 0 };
            // The first reconnection is immediate: gateways restart after a write to their configuration.
            self.next_attempt = now + backoff::after(self.failures.saturating_sub(1));
            // Whoever cannot wait that long is told why.
            self.last_error =
                useless.then(|| Error::Unreachable("it ends the connection at once".into()));
        }
        self.session.clone()
    }

    /// How long to wait before the next attempt, or the last failure when that is too long to wait for.
    pub(super) fn wait(&self, demand: Demand) -> Result<Duration, Error> {
        let wait = self.next_attempt.saturating_duration_since(Instant::now());
        match &self.last_error {
            Some(error) if demand == Demand::Prompt && wait > SHORT_WAIT => Err(error.clone()),
            Some(_) | None => Ok(wait),
        }
    }

    /// Whether the gateway is away for no longer than its restart takes.
    pub(super) fn is_expected(&self) -> bool {
        self.expected_until
            .is_some_and(|until| Instant::now() + RESTART.0 < until + PATIENCE)
    }

    pub(super) fn opened(&mut self, session: &Arc<Session>) {
        self.session = Some(Arc::clone(session));
        self.expected_until = None;
        self.last_error = None;
    }

    /// Says whether it is news: the attempt before did not fail in the same way.
    pub(super) fn failed(&mut self, error: &Error) -> bool {
        self.failures += 1;
        let wait = match error {
            Error::Busy {
                retry_after: Some(wait),
            } => *wait,
            _ => backoff::after(self.failures),
        };
        let now = Instant::now();
        let wait = match self.expected_until {
            Some(until) if now < until && error.passes() => wait.min(RESTART.1),
            Some(_) | None => wait,
        };
        self.next_attempt = now + wait;
        let before = self.last_error.replace(error.clone());
        before.is_none_or(|before| before.reason() != error.reason())
    }
}
