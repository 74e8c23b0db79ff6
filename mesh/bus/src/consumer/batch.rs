//! One batch: all of it in one transaction when nothing fails, else one event at a time.

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::anyhow;
use chassis::context::{self, Context};
use futures::FutureExt as _;
use prost::Message as _;
use proto::event::v1::Event;
use sqlx::PgConnection;
use tracing::Instrument as _;

use super::Consumer;
use crate::{
    store,
    transport::{Incoming, Verdict},
};

/// A handler that takes longer hangs.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(60);
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);
/// What an error says at most, characters.
const ERROR_LENGTH: usize = 1000;

/// Why a transaction came to nothing.
enum Failure {
    /// It is the event's fault, or its handler's: it counts as an attempt.
    Event(anyhow::Error),
    /// The database is away: nobody's fault, so everything waits.
    Database(anyhow::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Consumer {
    /// Handles messages in order and adds what became of each to `settled`.
    ///
    /// # Errors
    /// Fails when the database is away; the messages that are not in `settled` then come again.
    pub(super) async fn handle_batch(
        &self,
        batch: Vec<Incoming>,
        settled: &mut Vec<(Incoming, Verdict)>,
    ) -> anyhow::Result<()> {
        let mut readable = Vec::with_capacity(batch.len());
        for incoming in batch {
            match Event::decode(incoming.message.payload.as_slice()) {
                // Only after a group stopped subscribing to it.
                Ok(_) if !self.topics.matches(&incoming.message.topic) => {
                    settled.push((incoming, Verdict::Done))
                }
                Ok(event) => readable.push((incoming, event)),
                Err(error) => settled.push((
                    incoming,
                    Verdict::Park {
                        error: error.to_string(),
                    },
                )),
            }
        }
        if readable.len() > 1 {
            match self.transact(&readable).await {
                Ok(()) => {
                    settled.extend(
                        readable
                            .into_iter()
                            .map(|(incoming, _)| (incoming, Verdict::Done)),
                    );
                    return Ok(());
                }
                Err(Failure::Database(error)) => return Err(error),
                Err(Failure::Event(_)) => {}
            }
        }
        for one in readable {
            let verdict = match self.transact(std::slice::from_ref(&one)).await {
                Ok(()) => Verdict::Done,
                Err(Failure::Event(error)) => self.judge(one.0.attempts, &error),
                Err(Failure::Database(error)) => return Err(error),
            };
            settled.push((one.0, verdict));
        }
        Ok(())
    }

    fn judge(&self, attempts: u32, error: &anyhow::Error) -> Verdict {
        let error: String = format!("{error:#}")
            .replace('\0', "")
            .chars()
            .take(ERROR_LENGTH)
            .collect();
        match self.retries.get(attempts as usize) {
            Some(after) => Verdict::Retry {
                after: *after,
                error,
            },
            None => Verdict::Park { error },
        }
    }

    /// Handles events in one transaction, skipping those that the group has handled before.
    async fn transact(&self, events: &[(Incoming, Event)]) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        let ids: Vec<_> = events
            .iter()
            .map(|(incoming, _)| incoming.message.event_id)
            .collect();
        let mut fresh = store::inbox::insert(&mut tx, self.group, &ids).await?;
        for (incoming, event) in events {
            if !fresh.remove(&incoming.message.event_id) {
                continue;
            }
            if let Err(error) = self.handle(&mut tx, event).await {
                // A connection that still answers clears the database of suspicion.
                return match tokio::time::timeout(ROLLBACK_TIMEOUT, tx.rollback()).await {
                    Ok(Err(gone)) => Err(Failure::Database(gone.into())),
                    // One that is still busy with the handler's last statement is closed behind our back.
                    Ok(Ok(())) | Err(_) => Err(Failure::Event(error)),
                };
            }
        }
        match tx.commit().await {
            Ok(()) => Ok(()),
            // A deferred constraint speaks here.
            Err(sqlx::Error::Database(error)) if error.constraint().is_some() => {
                Err(Failure::Event(sqlx::Error::Database(error).into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Calls the handler as a part of the request that caused the event. A panic or a hang is a failure like another.
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let span = tracing::info_span!(
            "bus.consume",
            otel.name = event.r#type,
            otel.kind = "consumer",
            consumer.group = self.group,
            event.id = event.id,
            request.id = event.request_id,
            trace.id = tracing::field::Empty,
        );
        context::adopt(&span, event.traceparent.as_deref());
        let context = Context {
            request_id: event.request_id.clone(),
            traceparent: event.traceparent.clone(),
        };
        let handled = AssertUnwindSafe(self.handler.handle(tx, event)).catch_unwind();
        let handled = context::scope(context, tokio::time::timeout(HANDLER_TIMEOUT, handled));
        match handled.instrument(span).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(anyhow!("the handler panicked")),
            Err(_elapsed) => Err(anyhow!("the handler took longer than {HANDLER_TIMEOUT:?}")),
        }
    }
}
