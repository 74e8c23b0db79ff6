//! Who lives on the simulated gateway: one scripted agent for each that Mission Control put there.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use simulator::Running;
use tokio::{task::JoinSet, time::sleep};

use super::{agent::Agent, settings::Settings};

/// How often newcomers are looked for.
const LOOK: Duration = Duration::from_millis(200);

/// The scripted agents of a gateway. Dropping it ends them.
pub(super) struct Team {
    http: reqwest::Client,
    gateway: Arc<Running>,
    pace: Duration,
}

impl Team {
    pub(super) fn new(http: &reqwest::Client, gateway: &Arc<Running>, pace: Duration) -> Self {
        Self {
            http: http.clone(),
            gateway: Arc::clone(gateway),
            pace,
        }
    }

    /// Lets every agent live whose workspace says where Mission Control is.
    pub(super) async fn run(self) -> Infallible {
        let (mut alive, mut tasks) = (HashSet::new(), JoinSet::new());
        loop {
            while let Some(ended) = tasks.try_join_next() {
                match ended {
                    Ok(key) => _ = alive.remove(&key),
                    Err(error) => tracing::error!(%error, "a scripted agent died"),
                }
            }
            for agent in self.gateway.agents() {
                let key = agent.id;
                if alive.contains(&key) || Settings::read(&self.gateway, &key).is_none() {
                    continue;
                }
                alive.insert(key.clone());
                let gateway = Arc::clone(&self.gateway);
                let agent = Agent::new(key.clone(), gateway, self.http.clone(), self.pace);
                tasks.spawn(async move {
                    agent.live().await;
                    key
                });
            }
            sleep(LOOK).await;
        }
    }
}
