//! Asks gateways what became of what their main agents were told to install or to remove. The agent may say so itself before
//! that; what a gateway lists settles it as well.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, Utc};
use delivery::{Attempt, Delivery, Policy, Sender, State as Sent};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    install::{self, Next, State},
    outcome,
};
use crate::{
    config::Schedule,
    connector::Connector,
    store::{self, installs::Asked},
};

/// Queue of the questions; its targets are gateways.
pub(crate) const QUEUE: &str = "skill_check";
/// Questions at once: in this process, and to one gateway over all processes.
const CONCURRENCY: usize = 8;
const PER_GATEWAY: usize = 1;
/// How long a gateway may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Told where a removal was neither reported nor seen.
const UNCONFIRMED: &str =
    "unconfirmed: the gateway still lists the skill, or did not say whether it does";

/// Asks gateways.
pub(crate) struct Checker {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
}

/// How the questions are worked. The first pause of the schedule passes before there is one.
pub(crate) fn policy(schedule: &Schedule) -> Policy {
    Policy {
        schedule: schedule.0.iter().skip(1).copied().collect(),
        concurrency: CONCURRENCY,
        per_target: PER_GATEWAY,
        timeout: TIMEOUT,
    }
}

/// The pause before the first question.
pub(crate) fn first(schedule: &Schedule) -> Duration {
    schedule.0.first().copied().unwrap_or_default()
}

/// A question to a gateway.
pub(crate) fn due(gateway_id: Uuid, due_at: DateTime<Utc>) -> delivery::New {
    delivery::New {
        id: Uuid::now_v7(),
        queue: QUEUE,
        target: gateway_id.to_string(),
        payload: serde_json::json!({}),
        due_at,
        deadline_at: None,
    }
}

#[async_trait]
impl Sender for Checker {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.ask(delivery.id).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(check.id = %delivery.id, error = format!("{error:#}"), "a gateway could not be asked for its skills");
                Attempt::retry(
                    "internal: something failed inside of Mission Control; its log says what",
                )
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        if delivery.state != Sent::Dead {
            return Ok(());
        }
        let asked = store::installs::lock_by_check(tx, delivery.id).await?;
        if let Some(asked) = asked.filter(|asked| asked.install.state == State::Removing) {
            let next = Next::Becomes(State::Failed, Some(UNCONFIRMED.to_owned()));
            self.apply(tx, &asked, next).await?;
        }
        Ok(())
    }
}

impl Checker {
    async fn ask(&self, id: Uuid) -> anyhow::Result<Attempt> {
        let mut conn = self.pool.acquire().await?;
        // Reported meanwhile, asked for again, or gone.
        let Some(asked) = store::installs::find_by_check(&mut conn, id).await? else {
            return Ok(Attempt::done());
        };
        if !matches!(asked.install.state, State::Told | State::Removing) {
            return Ok(Attempt::done());
        }
        let gateway = store::gateways::find(&mut conn, asked.install.gateway_id)
            .await?
            .context("an installation has its gateway")?;
        let Some(main) = store::installs::find_main_agent(&mut conn, gateway.id).await? else {
            return Ok(Attempt::dead(
                "gateway_main_missing: the gateway has no main agent",
            ));
        };
        drop(conn);
        let names = match self.connector.list_skills(&gateway, &main).await {
            Ok(names) => names,
            Err(failure) => return Ok(Attempt::retry(failure.to_string())),
        };
        let listed = names
            .iter()
            .any(|name| install::is_called(&asked.skill, name));
        let mut tx = self.pool.begin().await?;
        let Some(asked) = store::installs::lock_by_check(&mut tx, id).await? else {
            return Ok(Attempt::done());
        };
        let next = install::seen(asked.install.state, listed);
        let stays = next == Next::Stays;
        self.apply(&mut tx, &asked, next).await?;
        tx.commit().await?;
        let waits = matches!(asked.install.state, State::Told | State::Removing);
        Ok(if stays && waits {
            let is = if listed { "still" } else { "not yet" };
            Attempt::retry(format!("the gateway lists the skill {is}"))
        } else {
            Attempt::done()
        })
    }

    async fn apply(&self, conn: &mut PgConnection, asked: &Asked, next: Next) -> sqlx::Result<()> {
        let actor = chassis::caller::system_actor();
        outcome::apply(conn, asked, next, actor, self.clock.now()).await
    }
}
