//! The way of one notice to its agent. What one agent is told goes out one after the other, in the order in which it was
//! written; only a message that failed, or hangs, lets the next one pass.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use chassis::Clock;
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{PUT_ASIDE, QUEUE};
use crate::{
    connector::{Connector, Lasts, Letter},
    notice::Kind,
    pause, skill, store,
    wire::event,
};

/// Carries notices to gateways.
pub(crate) struct Carrier {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
    /// How long a message waits for an older one to the same agent.
    pub patience: Duration,
    /// How long after a request about a skill the gateway is asked what became of it.
    pub ask_after: Duration,
}

/// How often to look whether an older message is out of the way.
const LOOK: Duration = Duration::from_millis(20);

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
            State::Waiting | State::Sending => return Ok(()),
            State::Failed => return self.put_aside(tx, delivery).await,
            State::Sent => true,
            State::Dead => false,
        };
        let Some((notice, organization_id)) = store::notices::find(tx, delivery.id).await? else {
            // It was forgotten while this attempt was being settled.
            delivery::discard_all(tx, &[delivery.id]).await?;
            return Ok(());
        };
        let now = self.clock.now();
        let event = event::notice_settled(&notice, organization_id, sent, now);
        bus::outbox::append(tx, event).await?;
        let outcome = if sent {
            Ok(())
        } else {
            Err(delivery.last_error.as_deref().unwrap_or("given up"))
        };
        if Kind::is_about_a_skill(&notice.kind) {
            let id = delivery.id;
            skill::outcome::notice_settled(tx, id, outcome, self.ask_after, now).await?;
        }
        Ok(())
    }
}

impl Carrier {
    /// A notice whose board was paused during the attempt waits like the others.
    async fn put_aside(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        let Some((notice, _)) = store::notices::find(tx, delivery.id).await? else {
            return Ok(());
        };
        let Some(board_id) = notice.board_id else {
            return Ok(());
        };
        if notice.kind != Kind::BoardCommand.as_str() && pause::is_on(tx, board_id).await? {
            delivery::reassign(tx, &[delivery.id], PUT_ASIDE, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn carry(&self, delivery: &Delivery) -> anyhow::Result<Attempt> {
        let mut conn = self.pool.acquire().await?;
        let Some(found) = store::notices::find_letter(&mut conn, delivery.id).await? else {
            return Ok(Attempt::dead("agent_not_found: the agent is gone"));
        };
        let agent = found.agent;
        let gateway = store::gateways::find(&mut conn, agent.gateway_id)
            .await?
            .context("an agent's gateway exists")?;
        drop(conn);
        let turn = self.turn(delivery.id, agent.id);
        // Whoever is slower than this is overtaken.
        if let Ok(turn) = tokio::time::timeout(self.patience, turn).await {
            turn?;
        }
        let letter = Letter {
            message: found.message,
            deliver: found.deliver,
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

    /// Waits until no older message to the agent is on its way.
    async fn turn(&self, id: Uuid, agent_id: Uuid) -> sqlx::Result<()> {
        loop {
            let mut conn = self.pool.acquire().await?;
            if !store::notices::follows_another(&mut conn, id, agent_id, QUEUE).await? {
                return Ok(());
            }
            drop(conn);
            tokio::time::sleep(LOOK).await;
        }
    }
}
