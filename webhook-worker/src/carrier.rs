//! One attempt to tell one receiver of one event.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use chassis::{Clock, Seal};
use delivery::{Attempt, Delivery, Outcome, Sender};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use sqlx::{PgConnection, PgPool};
use url::Url;

use crate::{
    delivery_state::DeliveryState,
    outbound::{Answer, Failure, Outbound},
    secret::{self, Secret},
    store::deliveries::{self, Letter},
};

/// How much longer than the call to the receiver an attempt may take: for finding what to send.
pub(crate) const MARGIN: Duration = Duration::from_secs(10);

/// Carries events to receivers.
pub(crate) struct Carrier {
    pub pool: PgPool,
    pub clock: Clock,
    pub seal: Seal,
    pub outbound: Outbound,
}

#[async_trait]
impl Sender for Carrier {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        self.carry(delivery).await.unwrap_or_else(|error| {
            tracing::error!(delivery.id = %delivery.id, "a webhook could not be sent: {error:#}");
            Attempt::retry(
                "internal: something failed inside of Mission Control; its log says what",
            )
        })
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        if let Some(state) = DeliveryState::after(delivery.state) {
            deliveries::update_state(tx, delivery.id, state).await?;
        }
        Ok(())
    }
}

impl Carrier {
    async fn carry(&self, delivery: &Delivery) -> anyhow::Result<Attempt> {
        let letter = {
            let mut conn = self.pool.acquire().await?;
            deliveries::find_letter(&mut conn, delivery.id).await?
        };
        let Some(letter) = letter else {
            return Ok(Attempt::dead("the endpoint is gone"));
        };
        if !letter.enabled {
            return Ok(Attempt::dead("the endpoint is disabled"));
        }
        let url = Url::parse(&letter.url).context("the stored URL cannot be read")?;
        let headers = self.headers(delivery, &letter)?;
        let answered = self.outbound.post(url, headers, letter.body).await;
        Ok(attempt(answered))
    }

    fn headers(&self, delivery: &Delivery, letter: &Letter) -> anyhow::Result<HeaderMap> {
        let context = secret::context(letter.webhook_endpoint_id);
        let opened = self.seal.open(&letter.secret, &context)?;
        let secret = Secret::from_bytes(&opened).context("the secret is not 32 bytes")?;
        let timestamp = self.clock.now().timestamp();
        let signature = secret.sign(delivery.id, timestamp, &letter.body);
        Ok(HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ID, HeaderValue::from_str(&delivery.id.to_string())?),
            (TIMESTAMP, HeaderValue::from(timestamp)),
            (SIGNATURE, HeaderValue::from_str(&signature)?),
        ]))
    }
}

const ID: reqwest::header::HeaderName = reqwest::header::HeaderName::from_static("webhook-id");
const TIMESTAMP: reqwest::header::HeaderName =
    reqwest::header::HeaderName::from_static("webhook-timestamp");
const SIGNATURE: reqwest::header::HeaderName =
    reqwest::header::HeaderName::from_static("webhook-signature");

/// Any 2xx is success; everything else is worth another attempt.
fn attempt(answered: Result<Answer, Failure>) -> Attempt {
    let answer = match answered {
        Ok(answer) => answer,
        Err(failure) => return Attempt::retry(failure.to_string()),
    };
    let is_success = answer.status.is_success();
    Attempt {
        outcome: if is_success {
            Outcome::Done
        } else {
            Outcome::Retry {
                after: answer.retry_after,
            }
        },
        error: (!is_success).then(|| format!("answered {}", answer.status)),
        response_status: Some(answer.status.as_u16().into()),
        response_body: Some(answer.body),
    }
}
