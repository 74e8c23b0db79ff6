//! Being the one: a session-level advisory lock and a LISTEN on the same connection of its own. Whoever loses the
//! connection loses both at once and notices it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};

/// How often a stand-by looks whether it may take over. A blocking lock would hold back vacuum for as long as it waits.
const STANDBY: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(10);

/// The right to be the only one of a name, for as long as the connection lives.
pub(crate) struct Lease {
    listener: PgListener,
}

impl Lease {
    /// Waits until the name is free, then holds it and listens on the channel.
    pub(crate) async fn acquire(pool: &PgPool, name: &str, channel: &str) -> anyhow::Result<Self> {
        let options = pool.connect_options().as_ref().clone();
        let own = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(CONNECT)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        while !try_lock(&mut listener, name).await? {
            tokio::time::sleep(STANDBY).await;
        }
        listener.listen(channel).await?;
        Ok(Self { listener })
    }

    /// Waits for a notification, at most so long. Fails when the connection, and with it the lease, is lost.
    pub(crate) async fn notified(&mut self, at_most: Duration) -> anyhow::Result<()> {
        match tokio::time::timeout(at_most, self.listener.try_recv()).await {
            Err(_elapsed) => self.check().await,
            Ok(received) => {
                if received?.is_none() {
                    bail!("the connection that holds the lease was lost");
                }
                while self.listener.next_buffered().is_some() {}
                Ok(())
            }
        }
    }

    /// A dead peer says nothing, so silence is checked.
    async fn check(&mut self) -> anyhow::Result<()> {
        let ping = sqlx::query("select 1").execute(&mut self.listener);
        tokio::time::timeout(CONNECT, ping)
            .await
            .context("the lease's connection does not answer")??;
        Ok(())
    }
}

async fn try_lock(listener: &mut PgListener, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
        .bind(name)
        .fetch_one(listener)
        .await
}
