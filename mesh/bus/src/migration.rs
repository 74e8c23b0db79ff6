//! Tables: in every owner's schema, and in the transport's.

use std::borrow::Cow;

use chassis::db::Database;
use sqlx::{PgPool, migrate::Migrator};

use crate::{Bus, Config, Subscription, transport::postgres};

static OWNER: Migrator = sqlx::migrate!("migrations/owner");
static TRANSPORT: Migrator = sqlx::migrate!("migrations/transport");

/// Makes the tables `outbox` and `inbox` in the schema that the connection's `search_path` names.
pub fn migrator() -> Migrator {
    Migrator {
        table_name: Cow::Borrowed("_bus_migration"),
        ..copy(&OWNER)
    }
}

/// Makes the schema `bus`, which the `postgres` transport keeps its queues in.
pub fn transport_migrator() -> Migrator {
    Migrator {
        table_name: Cow::Borrowed("bus._migration"),
        create_schemas: Cow::Borrowed(&[Cow::Borrowed("bus")]),
        ..copy(&TRANSPORT)
    }
}

/// Runs [`transport_migrator`].
///
/// # Errors
/// Fails when the database does, or when it holds other migrations under the same numbers.
pub async fn install(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    transport_migrator().run(pool).await
}

/// Brings what the configured transport needs up to date, and registers every group of the installation with it, so that
/// none misses what is told before it runs for the first time. A broker that is starting is waited for.
///
/// # Errors
/// Fails when the database or the broker does, or when a subscription is malformed.
pub async fn migrate(
    database: &Database,
    config: &Config,
    subscriptions: &[Subscription],
) -> anyhow::Result<()> {
    if let Some(url) = config.amqp_url.clone() {
        let bus = Bus::started_rabbitmq(url, &config.amqp_prefix).await?;
        return bus.register(subscriptions).await;
    }
    database.migrate("bus", &[&transport_migrator()]).await?;
    let pool = database.connect("bus").await?;
    let registered = Bus::postgres(pool.clone()).register(subscriptions).await;
    pool.close().await;
    registered
}

/// How many migrations and registrations the configured transport waits for. On a broker that cannot be told: groups
/// register there when they start.
///
/// # Errors
/// Fails when the database does, or when a subscription is malformed.
pub async fn pending(
    database: &Database,
    config: &Config,
    subscriptions: &[Subscription],
) -> anyhow::Result<usize> {
    if config.amqp_url.is_some() {
        return Ok(0);
    }
    let pool = database.connect("bus").await?;
    let pending = pending_in(&pool, subscriptions).await;
    pool.close().await;
    pending
}

async fn pending_in(pool: &PgPool, subscriptions: &[Subscription]) -> anyhow::Result<usize> {
    let pending = chassis::db::pending(pool, &transport_migrator()).await?;
    if pending > 0 {
        return Ok(pending + subscriptions.len());
    }
    let mut missing = 0;
    for subscription in subscriptions {
        let topics = subscription.check()?;
        missing += usize::from(!postgres::is_subscribed(pool, subscription.group, &topics).await?);
    }
    Ok(missing)
}

fn copy(migrator: &'static Migrator) -> Migrator {
    Migrator {
        migrations: Cow::Borrowed(&migrator.migrations),
        ..Migrator::DEFAULT
    }
}
