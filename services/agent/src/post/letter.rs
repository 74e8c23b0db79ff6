//! The way of one notice to its agent.

use anyhow::Context;
use async_trait::async_trait;
use chassis::Clock;
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use sqlx::{PgConnection, PgPool};

use crate::{
    connector::{Connector, Lasts, Letter},
    store,
    wire::event,
};

/// Carries notices to gateways.
pub(crate) struct Carrier {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
}

#[async_trait]
impl Sender for Carrier {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.carry(delivery).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(notice.id = %delivery.id, error = format!("{error:#}"), "a notice could not be sent");
                Attempt::retry(
                    "internal: something failed inside of Mission Control; its log says what",
                )
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        let sent = match delivery.state {
            State::Waiting | State::Sending | State::Failed => return Ok(()),
            State::Sent => true,
            State::Dead => false,
        };
        let Some((notice, organization_id, board_id)) =
            store::notices::find(tx, delivery.id).await?
        else {
            return Ok(());
        };
        let event =
            event::notice_settled(&notice, organization_id, board_id, sent, self.clock.now());
        bus::outbox::append(tx, event).await?;
        Ok(())
    }
}

impl Carrier {
    async fn carry(&self, delivery: &Delivery) -> anyhow::Result<Attempt> {
        let mut conn = self.pool.acquire().await?;
        let Some((message, agent)) = store::notices::find_letter(&mut conn, delivery.id).await?
        else {
            return Ok(Attempt::dead("agent_not_found: the agent is gone"));
        };
        let gateway = store::gateways::find(&mut conn, agent.gateway_id)
            .await?
            .context("an agent's gateway exists")?;
        drop(conn);
        let letter = Letter {
            message,
            deliver: false,
            idempotency_key: delivery.id.to_string(),
        };
        Ok(match self.connector.tell(&gateway, &agent, letter).await {
            Ok(()) => Attempt::done(),
            Err(failure) => {
                let outcome = match failure.lasts {
                    // Somebody may correct the gateway before the schedule ends, and then nothing is lost.
                    Lasts::AWhile | Lasts::UntilChanged => Outcome::Retry {
                        after: failure.retry_after,
                    },
                    Lasts::Forever => Outcome::Dead,
                };
                Attempt {
                    outcome,
                    ..Attempt::retry(failure.to_string())
                }
            }
        })
    }
}
