//! Takes from a gateway what an agent left there when it moved to another one.
//!
//! The agent itself lives on elsewhere, so there is no row to wait for this: a delivery on the queue [`QUEUE`] carries what
//! is to be taken away. When it is given up, the log and an event say what is left behind.

use anyhow::Context;
use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, Utc};
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    agent::Agent,
    connector::{Connector, Lasts},
    store,
    wire::event,
};

/// Queue of what is left on gateways; its targets are gateways.
pub(crate) const QUEUE: &str = "teardown";

/// What is left on a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    pub agent_id: Uuid,
    pub gateway_id: Uuid,
    pub agent_key: String,
    pub session_key: String,
}

impl Leftover {
    /// What an agent leaves where it is now.
    pub(crate) fn of(agent: &Agent) -> Self {
        Self {
            agent_id: agent.id,
            gateway_id: agent.gateway_id,
            agent_key: agent.key(),
            session_key: agent.session_key(),
        }
    }

    /// Has it taken away, not before `begins`.
    pub(crate) async fn enqueue(
        &self,
        conn: &mut PgConnection,
        begins: DateTime<Utc>,
        deadline_at: Option<DateTime<Utc>>,
    ) -> sqlx::Result<()> {
        let payload =
            serde_json::to_value(self).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let new = delivery::New {
            id: Uuid::now_v7(),
            queue: QUEUE,
            target: self.gateway_id.to_string(),
            payload,
            due_at: begins,
            deadline_at,
        };
        delivery::enqueue(conn, &[new]).await
    }
}

/// An agent comes to a gateway on which it may have left something: that stays. Whether an attempt to take it away is under
/// way, which ends first.
pub(crate) async fn cancel(
    conn: &mut PgConnection,
    agent_id: Uuid,
    gateway_id: Uuid,
) -> sqlx::Result<bool> {
    let left = store::departures::list_leftovers(conn, agent_id, gateway_id).await?;
    let ids: Vec<Uuid> = left.iter().map(|(id, _)| *id).collect();
    delivery::discard_all(conn, &ids).await?;
    Ok(left.iter().any(|(_, under_way)| *under_way))
}

/// Takes away what is left.
pub(crate) struct Cleaner {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
}

#[async_trait]
impl Sender for Cleaner {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.clean(delivery).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(delivery.id = %delivery.id, error = format!("{error:#}"), "what an agent left could not be taken away");
                Attempt::retry(
                    "internal: something failed inside of Mission Control; its log says what",
                )
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        if delivery.state != State::Dead {
            return Ok(());
        }
        let left = read(delivery)?;
        let why = delivery.last_error.as_deref().unwrap_or("given up");
        tracing::warn!(
            gateway.id = %left.gateway_id, agent.id = %left.agent_id, agent.key = left.agent_key, error = why,
            "an agent that moved is left behind on its old gateway"
        );
        if let Some(agent) = store::agents::find(tx, left.agent_id).await? {
            let reason = format!(
                "runtime_left_behind: gateway {} still has {}: {why}",
                left.gateway_id, left.agent_key
            );
            let told = event::agent_provision_failed(&agent, &reason, self.clock.now());
            bus::outbox::append(tx, told).await?;
        }
        Ok(())
    }
}

impl Cleaner {
    async fn clean(&self, delivery: &Delivery) -> anyhow::Result<Attempt> {
        let left = read(delivery)?;
        let mut conn = self.pool.acquire().await?;
        let is_back = store::agents::find(&mut conn, left.agent_id)
            .await?
            .is_some_and(|agent| agent.gateway_id == left.gateway_id);
        let gateway = store::gateways::find(&mut conn, left.gateway_id).await?;
        drop(conn);
        let Some(gateway) = gateway.filter(|_| !is_back) else {
            return Ok(Attempt::done());
        };
        let removed = self
            .connector
            .remove_runtime(&gateway, &left.agent_key, &left.session_key)
            .await;
        Ok(match removed {
            Ok(()) => Attempt::done(),
            Err(failure) => {
                let outcome = match failure.lasts {
                    Lasts::AWhile => Outcome::Retry {
                        after: failure.retry_after,
                    },
                    Lasts::UntilChanged | Lasts::Forever => Outcome::Dead,
                };
                Attempt {
                    outcome,
                    ..Attempt::retry(failure.to_string())
                }
            }
        })
    }
}

fn read(delivery: &Delivery) -> anyhow::Result<Leftover> {
    serde_json::from_value(delivery.payload.clone()).context("what is left on a gateway")
}
