//! What components are given to speak through.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::PgPool;

use crate::{
    Config, Consumer, Handler, Parked, Relay, Subscription,
    backoff::Backoff,
    transport::{Transport, postgres::Postgres, rabbitmq::RabbitMq},
};

/// Pauses before an event that failed is tried again. Long enough in all for a peer to be replaced.
const RETRIES: [Duration; 8] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];

/// How long a broker may take to start.
const STARTING: Duration = Duration::from_secs(30);

/// The way between services. Clones share it.
#[derive(Clone)]
pub struct Bus {
    transport: Arc<dyn Transport>,
    retries: Arc<[Duration]>,
}

impl Bus {
    /// Takes the transport that the configuration names and adds a readiness check for it. A broker may be starting at the
    /// same time, so it is waited for, half a minute at most. The `postgres` transport expects its schema to be there:
    /// [`migrate`](crate::migrate).
    ///
    /// # Errors
    /// Fails when the transport cannot be reached, or the URL is not one.
    pub async fn connect(server: &mut chassis::Server, config: Config) -> anyhow::Result<Self> {
        let bus = match config.amqp_url {
            Some(url) => Self::started_rabbitmq(url, &config.amqp_prefix).await?,
            None => {
                let bus = Self::postgres(server.database("bus").await?);
                bus.transport.check().await?;
                bus
            }
        };
        let transport = Arc::clone(&bus.transport);
        server.ready("bus", move || {
            let transport = Arc::clone(&transport);
            Box::pin(async move { transport.check().await })
        });
        Ok(bus)
    }

    /// The `rabbitmq` transport, when the broker has started.
    pub(crate) async fn started_rabbitmq(
        url: secrecy::SecretString,
        prefix: &str,
    ) -> anyhow::Result<Self> {
        let bus = Self::rabbitmq(url, prefix)?;
        bus.wait_for_broker().await?;
        Ok(bus)
    }

    async fn wait_for_broker(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut backoff = Backoff::default();
        while let Err(error) = self.transport.check().await {
            if begun.elapsed() > STARTING {
                return Err(error);
            }
            tracing::warn!("waiting for the broker: {error:#}");
            tokio::time::sleep(backoff.next()).await;
        }
        Ok(())
    }

    /// The `postgres` transport in this database.
    pub fn postgres(pool: PgPool) -> Self {
        Self::over(Arc::new(Postgres::new(pool)))
    }

    /// The `rabbitmq` transport. The prefix is put before every name on the broker, so that several may share it.
    ///
    /// # Errors
    /// Fails when the URL is not one; the broker is not called yet.
    pub fn rabbitmq(url: secrecy::SecretString, prefix: &str) -> anyhow::Result<Self> {
        Ok(Self::over(Arc::new(RabbitMq::new(url, prefix)?)))
    }

    /// The `postgres` transport in a test's database, after [`install`].
    pub fn for_tests(pool: PgPool) -> Self {
        Self::postgres(pool)
    }

    fn over(transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            retries: Arc::from(RETRIES),
        }
    }

    /// Whether the transport answers.
    ///
    /// # Errors
    /// Says why it does not.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.transport.check().await
    }

    /// Changes the pauses between attempts of consumers made from now on.
    #[must_use]
    pub fn with_retries(mut self, pauses: &[Duration]) -> Self {
        self.retries = Arc::from(pauses);
        self
    }

    /// Moves the outbox in this pool's schema to the transport for as long as the server runs.
    pub fn relay(&self, server: &mut chassis::Server, owner: &'static str, pool: PgPool) {
        let relay = self.relay_of(owner, pool);
        server.spawn("bus.relay", |token| relay.run(token));
    }

    /// The relay of this pool's schema, to be run.
    pub fn relay_of(&self, owner: &'static str, pool: PgPool) -> Relay {
        Relay::new(owner, pool, Arc::clone(&self.transport))
    }

    /// Makes groups known: from now on they get what matches, whether or not they run. A group that is known already has
    /// its topics replaced.
    ///
    /// # Errors
    /// Fails when a group cannot be registered or its name or a topic is malformed.
    pub async fn register(&self, subscriptions: &[Subscription]) -> anyhow::Result<()> {
        for subscription in subscriptions {
            let topics = subscription.check()?;
            self.transport.register(subscription.group, &topics).await?;
        }
        Ok(())
    }

    /// Handles a group's events for as long as the server runs. The pool is that of the schema with the group's `inbox`.
    ///
    /// # Errors
    /// Fails when the group cannot be registered or its name or a topic is malformed.
    pub async fn consume(
        &self,
        server: &mut chassis::Server,
        subscription: Subscription,
        pool: PgPool,
        handler: impl Handler,
    ) -> anyhow::Result<()> {
        let consumer = self.consumer(subscription, pool, handler).await?;
        server.spawn("bus.consumer", |token| consumer.run(token));
        Ok(())
    }

    /// The consumer of a group, to be run. Registers the group.
    ///
    /// # Errors
    /// Fails when the group cannot be registered or its name or a topic is malformed.
    pub async fn consumer(
        &self,
        subscription: Subscription,
        pool: PgPool,
        handler: impl Handler,
    ) -> anyhow::Result<Consumer> {
        self.register(&[subscription]).await?;
        Ok(Consumer {
            group: subscription.group,
            topics: subscription.check()?,
            pool,
            handler: Arc::new(handler),
            transport: Arc::clone(&self.transport),
            retries: Arc::clone(&self.retries),
        })
    }

    /// The oldest events that a group has parked.
    ///
    /// # Errors
    /// Fails when the transport cannot be reached.
    pub async fn parked(&self, group: &str, limit: u16) -> anyhow::Result<Vec<Parked>> {
        self.transport.parked(group, limit).await
    }

    /// Gives a group everything that it has parked once more; the number of events.
    ///
    /// # Errors
    /// Fails when the transport cannot be reached; what was moved until then stays moved.
    pub async fn replay(&self, group: &str) -> anyhow::Result<u64> {
        self.transport.replay(group).await
    }
}
