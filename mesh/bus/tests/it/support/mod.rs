//! A database, a transport, and a table in which handlers leave their effects.

pub(crate) mod broker;
pub(crate) mod handlers;

use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use bus::{Bus, Subscription};
use chrono::DateTime;
use futures::FutureExt as _;
use proto::event::v1::{Actor, ActorKind, AgentTokenChanged, Event, event::Payload};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::broker::Broker;

/// Pauses between attempts: three retries, then parked.
pub(crate) const RETRIES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
];
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs every body once per transport.
macro_rules! on_both_transports {
    ($($name:ident),* $(,)?) => {
        mod on_postgres {
            use crate::support::World;
            $(#[sqlx::test(migrations = false)]
            async fn $name(_: sqlx::postgres::PgPoolOptions, options: sqlx::postgres::PgConnectOptions) {
                World::run(World::on_postgres(options).await, super::$name).await;
            })*
        }
        mod on_rabbitmq {
            use crate::support::World;
            $(#[sqlx::test(migrations = false)]
            async fn $name(_: sqlx::postgres::PgPoolOptions, options: sqlx::postgres::PgConnectOptions) {
                World::run(World::on_rabbitmq(options).await, super::$name).await;
            })*
        }
    };
}
pub(crate) use on_both_transports;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) bus: Bus,
    pub(crate) broker: Option<Broker>,
}

/// A task that can be killed. Dies with its handle.
pub(crate) struct Task(JoinHandle<anyhow::Result<()>>);

impl Task {
    pub(crate) async fn kill(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    pub(crate) async fn on_postgres(options: PgConnectOptions) -> Self {
        let world = Self::bare(options).await;
        bus::install(&world.pool).await.unwrap();
        world
    }

    /// The `postgres` transport, not yet installed.
    pub(crate) async fn bare(options: PgConnectOptions) -> Self {
        let pool = database(options).await;
        let bus = Bus::for_tests(pool.clone()).with_retries(&RETRIES);
        Self {
            pool,
            bus,
            broker: None,
        }
    }

    pub(crate) async fn on_rabbitmq(options: PgConnectOptions) -> Self {
        let pool = database(options).await;
        let broker = Broker::start().await;
        let bus = Bus::rabbitmq(broker.url(), &broker.prefix)
            .unwrap()
            .with_retries(&RETRIES);
        Self {
            pool,
            bus,
            broker: Some(broker),
        }
    }

    pub(crate) async fn run<F: Future<Output = ()>>(self, body: impl FnOnce(Self) -> F) {
        let outcome = AssertUnwindSafe(body(self.clone())).catch_unwind().await;
        if let Some(broker) = self.broker {
            broker.clean().await;
        }
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
        self.pool.close().await;
    }

    pub(crate) fn relay(&self) -> Task {
        let relay = self.bus.relay_of("test", self.pool.clone());
        Task(tokio::spawn(relay.run(CancellationToken::new())))
    }

    pub(crate) async fn consumer(
        &self,
        group: &'static str,
        topics: &'static [&'static str],
        handler: impl bus::Handler,
    ) -> Task {
        if let Some(broker) = &self.broker {
            broker.remember(group);
        }
        let subscription = Subscription { group, topics };
        let consumer = self
            .bus
            .consumer(subscription, self.pool.clone(), handler)
            .await
            .unwrap();
        Task(tokio::spawn(consumer.run(CancellationToken::new())))
    }

    /// Appends events, one transaction each.
    pub(crate) async fn tell(&self, events: &[Event]) {
        for event in events {
            let mut tx = self.pool.begin().await.unwrap();
            bus::outbox::append(&mut tx, event.clone()).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    /// What a group's handler has done, in order.
    pub(crate) async fn effects(&self, group: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select event_id from effect where consumer_group = $1 order by position",
        )
        .bind(group)
        .fetch_all(&self.pool)
        .await
        .unwrap_or_default()
    }

    /// Waits until a group has dealt with that many events and looks a little longer, for what should not come.
    pub(crate) async fn effects_after(&self, group: &str, count: usize) -> Vec<String> {
        until(async || self.effects(group).await.len() >= count).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.effects(group).await
    }

    pub(crate) async fn pending(&self) -> i64 {
        let Ok(mut conn) = self.pool.acquire().await else {
            return -1;
        };
        bus::outbox::pending(&mut conn).await.unwrap_or(-1)
    }
}

async fn database(options: PgConnectOptions) -> PgPool {
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .connect_with(options)
        .await
        .unwrap();
    bus::migrator().run(&pool).await.unwrap();
    sqlx::query(
        "create table effect (
             position bigint generated always as identity, consumer_group text not null, event_id text not null)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool
}

/// Waits for something to become true.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.expect("it did not happen in time");
}

/// Some event; its topic is `agent.token_changed`.
pub(crate) fn event() -> Event {
    let actor = Actor {
        kind: ActorKind::System.into(),
        id: None,
        name: "test".to_owned(),
    };
    let payload = Payload::AgentTokenChanged(AgentTokenChanged {
        agent_id: Uuid::nil().to_string(),
    });
    bus::event(actor, Uuid::nil(), DateTime::UNIX_EPOCH, payload).build()
}

pub(crate) fn events(count: usize) -> Vec<Event> {
    (0..count).map(|_| event()).collect()
}

pub(crate) fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.clone()).collect()
}
