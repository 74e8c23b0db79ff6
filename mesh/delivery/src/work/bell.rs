//! Being woken when something was enqueued.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};

/// Pause before the connection is tried again.
const AWAY: Duration = Duration::from_secs(1);

/// A connection of its own that listens to one queue's channel, and is made again when it is lost.
pub(super) struct Bell {
    pool: PgPool,
    queue: &'static str,
    listener: Option<PgListener>,
}

impl Bell {
    pub(super) fn new(pool: PgPool, queue: &'static str) -> Self {
        Self {
            pool,
            queue,
            listener: None,
        }
    }

    /// Returns when somebody rang or so much time has passed; at once when ringing may have been missed.
    pub(super) async fn rung(&mut self, at_most: Duration) {
        let Some(listener) = &mut self.listener else {
            match self.connect().await {
                Ok(listener) => self.listener = Some(listener),
                Err(error) => {
                    tracing::debug!(delivery.queue = self.queue, "not listening: {error}");
                    tokio::time::sleep(at_most.min(AWAY)).await;
                }
            }
            return;
        };
        match tokio::time::timeout(at_most, listener.try_recv()).await {
            Err(_elapsed) => {}
            Ok(Ok(Some(_))) => while listener.next_buffered().is_some() {},
            Ok(Ok(None) | Err(_)) => self.listener = None,
        }
    }

    async fn connect(&self) -> sqlx::Result<PgListener> {
        let schema: String = sqlx::query_scalar("select current_schema()")
            .fetch_one(&self.pool)
            .await?;
        let own = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(self.pool.connect_options().as_ref().clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        listener
            .listen(&format!("delivery_{schema}_{}", self.queue))
            .await?;
        Ok(listener)
    }
}
