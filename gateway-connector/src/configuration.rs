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

/// Heartbeats by agent key.
pub(crate) type Wishes = BTreeMap<String, Map<String, Value>>;

/// The queue of one gateway.
#[derive(Default)]
pub(crate) struct Configuration {
    turn: tokio::sync::Mutex<Turn>,
    wishes: Mutex<Wishes>,
}

/// The right to write.
#[derive(Default)]
pub(crate) struct Turn {
    /// The rate limit forbids patches until then.
    not_before: Option<Instant>,
}

/// A heartbeat that somebody waits for; withdrawn on drop.
pub(crate) struct Wish<'a> {
    configuration: &'a Configuration,
    agent_key: String,
}

impl Configuration {
    /// Waits for the turn.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().await
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

impl Turn {
    /// Waits until the rate limit allows a patch, or says when it will. A patch that is refused would count as well.
    pub(crate) async fn allowed(&mut self) -> Result<(), Error> {
        let Some(at) = self.not_before else {
            return Ok(());
        };
        let wait = at.saturating_duration_since(Instant::now());
        if wait > SHORT_WAIT {
            return Err(Error::Busy {
                retry_after: Some(wait),
            });
        }
        sleep_until(at).await;
        self.not_before = None;
        Ok(())
    }

    /// Remembers that the gateway wants a pause.
    pub(crate) fn pause(&mut self, wait: Duration) {
        self.not_before = Some(Instant::now() + wait);
    }
}
