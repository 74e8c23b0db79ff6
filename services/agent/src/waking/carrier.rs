//! The way of one wake-up to its agent, and what follows when it was waited for in vain.

use anyhow::Context;
use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, Utc};
use delivery::{Attempt, Delivery, Outcome, Sender, State};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Due, Next, Waker, next};
use crate::{
    agent::Agent,
    connector::{Connector, Failure, Lasts, Letter},
    job::Kind,
    pause, store,
    wire::event,
    workspace::Source,
};

/// Carries wake-ups to gateways.
pub(crate) struct Carrier {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
    pub waker: Waker,
    pub base_url: String,
}

/// Shown on an agent that let every wake-up pass.
const SILENT: &str =
    "agent_silent: it was woken three times and did not call; wake it again when it can be reached";
/// Shown on an agent that waits for its board.
const HELD: &str =
    "board_paused: the agents of the board are paused; this one is woken when they are resumed";

#[async_trait]
impl Sender for Carrier {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.carry(delivery.id).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(wake.id = %delivery.id, error = format!("{error:#}"), "an agent could not be woken");
                Attempt::retry(
                    "internal: something failed inside of Mission Control; its log says what",
                )
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        // Wake-ups are held before their agents, as whoever has an agent go does it.
        let Some(due) = store::wakes::lock(tx, delivery.id).await? else {
            // It was forgotten while this attempt was being settled.
            delivery::discard_all(tx, &[delivery.id]).await?;
            return Ok(());
        };
        let now = self.clock.now();
        let error = delivery.last_error.as_deref().unwrap_or("given up");
        match delivery.state {
            State::Waiting | State::Sending => Ok(()),
            State::Failed => Ok(store::wakes::note_error(tx, due.agent_id, error, now).await?),
            State::Sent => self.done(tx, delivery.id, &due, now).await,
            State::Dead => {
                store::wakes::delete(tx, &[delivery.id]).await?;
                let Some(agent) = store::agents::lock(tx, due.agent_id).await? else {
                    return Ok(());
                };
                // One that called meanwhile needs no wake-up.
                let called = due.sent_at.is_some_and(|at| agent.last_seen_at >= Some(at));
                if called || next(&due, &agent.wake, agent.last_seen_at, false) == Next::Nothing {
                    return Ok(());
                }
                self.end(tx, &agent, error, now).await
            }
        }
    }
}

impl Carrier {
    async fn carry(&self, id: Uuid) -> anyhow::Result<Attempt> {
        let mut conn = self.pool.acquire().await?;
        let Some(due) = store::wakes::find(&mut conn, id).await? else {
            return Ok(Attempt::done());
        };
        let Some(agent) = store::agents::find(&mut conn, due.agent_id).await? else {
            return Ok(Attempt::done());
        };
        let paused = is_paused(&mut conn, &agent).await?;
        let next = next(&due, &agent.wake, agent.last_seen_at, paused);
        let Next::Send { reset } = next else {
            store::wakes::set_out(&mut conn, id, None).await?;
            return Ok(Attempt::done());
        };
        store::wakes::set_out(&mut conn, id, Some(self.clock.now())).await?;
        drop(conn);
        Ok(match self.wake(id, &agent, reset).await? {
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

    async fn wake(
        &self,
        id: Uuid,
        agent: &Agent,
        reset: bool,
    ) -> anyhow::Result<Result<(), Failure>> {
        let mut conn = self.pool.acquire().await?;
        let gateway = store::gateways::find(&mut conn, agent.gateway_id)
            .await?
            .context("an agent's gateway exists")?;
        drop(conn);
        // One that never called has not read its BOOTSTRAP.md either.
        let kind = match agent.last_seen_at {
            None => Kind::Provision,
            Some(_) => Kind::Update,
        };
        let source = Source {
            kind,
            ..Source::bare(agent, &gateway, &self.base_url)
        };
        let letter = Letter {
            message: source.wake().context("rendering a wake message")?,
            deliver: true,
            idempotency_key: id.to_string(),
        };
        if reset && let Err(failure) = self.connector.reset_session(&gateway, agent).await {
            return Ok(Err(failure));
        }
        Ok(self.connector.tell(&gateway, agent, letter).await)
    }

    /// The attempt ended well: either the gateway has accepted a message, or there was no reason for one.
    async fn done(
        &self,
        tx: &mut PgConnection,
        id: Uuid,
        due: &Due,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(agent) = store::agents::lock(tx, due.agent_id).await? else {
            return Ok(store::wakes::delete(tx, &[id]).await?);
        };
        if let Some(sent_at) = due.sent_at {
            store::wakes::delete(tx, &[id]).await?;
            return self
                .waker
                .accepted(tx, &agent, due.is_first, sent_at, now)
                .await;
        }
        let paused = match agent.board_id {
            Some(board_id) => pause::is_on(tx, board_id).await?,
            None => false,
        };
        match next(due, &agent.wake, agent.last_seen_at, paused) {
            Next::Nothing => Ok(store::wakes::delete(tx, &[id]).await?),
            Next::Silent => {
                store::wakes::delete(tx, &[id]).await?;
                self.end(tx, &agent, SILENT, now).await
            }
            Next::Hold => {
                store::wakes::hold(tx, id, now).await?;
                let held = store::wakes::end(tx, agent.id, 0, HELD, now).await?;
                self.tell_status(tx, held.as_ref(), now).await
            }
            // The board was resumed meanwhile.
            Next::Send { .. } => {
                let by = self.waker.give_up_at(now);
                delivery::redeliver_all(tx, &[id], now, Some(by)).await?;
                Ok(())
            }
        }
    }

    /// Nobody waits for the agent any more.
    async fn end(
        &self,
        tx: &mut PgConnection,
        agent: &Agent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let attempts = agent.wake.attempts;
        let ended = store::wakes::end(tx, agent.id, attempts, reason, now).await?;
        let Some(ended) = ended.filter(|_| attempts > 0) else {
            return self.tell_status(tx, None, now).await;
        };
        Ok(bus::outbox::append(tx, event::agent_silent(&ended, now)).await?)
    }

    async fn tell_status(
        &self,
        tx: &mut PgConnection,
        agent: Option<&Agent>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        if let Some(agent) = agent {
            let actor = chassis::caller::system_actor();
            bus::outbox::append(tx, event::agent_updated(actor, agent, &["status"], now)).await?;
        }
        Ok(())
    }
}

async fn is_paused(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<bool> {
    let boards: Vec<Uuid> = agent.board_id.into_iter().collect();
    Ok(!store::pauses::list(conn, &boards).await?.is_empty())
}
