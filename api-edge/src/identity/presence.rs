//! Which agents called, told to their owner every few seconds in one call.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use chassis::{Clock, Peer, encode};
use chrono::{DateTime, Utc};
use proto::agent::v1::{
    AgentSeen, RecordPresenceRequest, agent_directory_service_client::AgentDirectoryServiceClient,
};
use uuid::Uuid;

/// How old an agent's presence may be before its owner hears of it.
pub(super) const PERIOD: Duration = Duration::from_secs(3);
/// Most agents in one call.
const BATCH: usize = 1_000;

/// The agents that called since the last report, each with its latest call.
#[derive(Debug)]
pub(super) struct Presence {
    clock: Clock,
    seen: Mutex<HashMap<Uuid, DateTime<Utc>>>,
}

impl Presence {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            seen: Mutex::default(),
        }
    }

    pub(super) fn note(&self, agent: Uuid) {
        self.seen
            .lock()
            .expect("no holder panics")
            .insert(agent, self.clock.now());
    }

    /// Reports what has not been reported; what fails waits for the next time.
    pub(super) async fn flush(&self, client: &mut AgentDirectoryServiceClient<Peer>) {
        let seen: Vec<_> = std::mem::take(&mut *self.seen.lock().expect("no holder panics"))
            .into_iter()
            .collect();
        for batch in seen.chunks(BATCH) {
            let seen = batch
                .iter()
                .map(|(agent, at)| AgentSeen {
                    agent_id: agent.to_string(),
                    at: Some(encode::time(*at)),
                })
                .collect();
            if let Err(status) = client.record_presence(RecordPresenceRequest { seen }).await {
                tracing::warn!(agents = batch.len(), error = %status, "presence could not be recorded; it is tried again");
                let mut waiting = self.seen.lock().expect("no holder panics");
                for (agent, at) in batch {
                    waiting.entry(*agent).or_insert(*at);
                }
            }
        }
    }
}
