//! Turns at a gateway's configuration. Every write moves its hash, may restart the gateway and counts against a rate limit;
//! so writes go one after another, and whoever has the turn writes what everybody waits for.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use serde_json::{Map, Value};
use tokio::{
    sync::MutexGuard,
    time::{Instant, sleep_until},
};

use crate::error::Error;

/// Longest wait for the rate limit that a caller is made to sit out.
const SHORT_WAIT: Duration = Duration::from_secs(3);

/// The newest protocol of gateways that may write what they remember instead of what is there: releases before May 2026
/// remember a configuration for 200 ms, also one that they read while they wrote the next.
const FORGETFUL: i32 = 3;
/// How long such a gateway is left alone after a write, lest the next one undo it.
const REST: Duration = Duration::from_millis(300);

/// Heartbeats by agent key.
pub(crate) type Wishes = BTreeMap<String, Map<String, Value>>;

/// The queue of one gateway.
#[derive(Default)]
pub(crate) struct Configuration {
    state: tokio::sync::Mutex<State>,
    wishes: Mutex<Wishes>,
}

#[derive(Default)]
struct State {
    /// The rate limit forbids patches until then.
    not_before: Option<Instant>,
    /// The gateway rests from the last write until then.
    rested_at: Option<Instant>,
}

/// The right to write.
pub(crate) struct Turn<'a> {
    state: MutexGuard<'a, State>,
    rest: Option<Duration>,
}

/// A heartbeat that somebody waits for; withdrawn on drop.
pub(crate) struct Wish<'a> {
    configuration: &'a Configuration,
    agent_key: String,
}

impl Configuration {
    /// Waits for the turn.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let mut state = self.state.lock().await;
        if let Some(at) = state.rested_at {
            sleep_until(at).await;
            state.rested_at = None;
        }
        Turn { state, rest: None }
    }

    /// Says what heartbeat an agent shall have. Whoever has the turn next may grant it.
    pub(crate) fn wish(&self, agent_key: &str, heartbeat: Map<String, Value>) -> Wish<'_> {
        self.lock().insert(agent_key.to_owned(), heartbeat);
        Wish {
            configuration: self,
            agent_key: agent_key.to_owned(),
        }
    }

    /// All wishes there are.
    pub(crate) fn wishes(&self) -> Wishes {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wishes> {
        self.wishes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        self.configuration.lock().remove(&self.agent_key);
    }
}

impl Turn<'_> {
    /// Has to be said before a write, to a gateway of this protocol.
    pub(crate) fn writes(&mut self, protocol: i32) {
        self.rest = (protocol <= FORGETFUL).then_some(REST);
    }

    /// Waits until the rate limit allows a patch, or says when it will. A patch that is refused would count as well.
    pub(crate) async fn allowed(&mut self) -> Result<(), Error> {
        let Some(at) = self.state.not_before else {
            return Ok(());
        };
        let wait = at.saturating_duration_since(Instant::now());
        if wait > SHORT_WAIT {
            return Err(Error::Busy {
                retry_after: Some(wait),
            });
        }
        sleep_until(at).await;
        self.state.not_before = None;
        Ok(())
    }

    /// Remembers that the gateway wants a pause.
    pub(crate) fn pause(&mut self, wait: Duration) {
        self.state.not_before = Some(Instant::now() + wait);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(rest) = self.rest {
            self.state.rested_at = Some(Instant::now() + rest);
        }
    }
}
