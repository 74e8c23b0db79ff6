//! Tables: in every owner's schema, and in the transport's.

use std::borrow::Cow;

use chassis::db::Database;
use sqlx::{PgPool, migrate::Migrator};

use crate::Config;

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

/// Brings what the configured transport needs up to date.
///
/// # Errors
/// Fails when the database does.
pub async fn migrate(database: &Database, config: &Config) -> anyhow::Result<()> {
    match config.amqp_url {
        None => database.migrate("bus", &[&transport_migrator()]).await,
        // Consumers and relays declare what they use.
        Some(_) => Ok(()),
    }
}

/// How many migrations the configured transport waits for.
///
/// # Errors
/// Fails when the database does.
pub async fn pending(database: &Database, config: &Config) -> anyhow::Result<usize> {
    if config.amqp_url.is_some() {
        return Ok(0);
    }
    let pool = database.connect("bus").await?;
    let pending = chassis::db::pending(&pool, &transport_migrator()).await;
    pool.close().await;
    pending
}

fn copy(migrator: &'static Migrator) -> Migrator {
    Migrator {
        migrations: Cow::Borrowed(&migrator.migrations),
        ..Migrator::DEFAULT
    }
}
