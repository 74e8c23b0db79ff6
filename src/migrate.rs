//! Bringing schemas up to date, and refusing to run on ones that are not.

use anyhow::Context;
use chassis::{
    db::{self, Database},
    telemetry,
};

use crate::role::{self, Role};

/// Options of `mission-control migrate`.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    pub chassis: chassis::Config,
    #[command(flatten)]
    pub telemetry: telemetry::Config,
    #[command(flatten)]
    pub bus: bus::Config,
}

/// `mission-control migrate`.
pub async fn migrate(options: Options) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&options.telemetry)?;
    let url = options
        .chassis
        .database_url
        .clone()
        .context("MC_DATABASE_URL must be set")?;
    let database = Database {
        url,
        max_connections: 2,
        slow: std::time::Duration::ZERO,
    };
    apply(&database, &options.bus, &Role::ALL).await?;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Applies every pending migration of the roles and of the bus, and makes the bus know whoever is going to listen, also in
/// other processes: what is told before they start waits for them. Safe to run from several processes at once.
pub async fn apply(database: &Database, bus: &bus::Config, roles: &[Role]) -> anyhow::Result<()> {
    bus::migrate(database, bus, &role::subscriptions())
        .await
        .context("the bus cannot be brought up to date (MC_DATABASE_URL, MC_AMQP_URL)")?;
    for role in roles {
        if let Some((schema, migrators)) = role.schema() {
            database
                .migrate(schema, &migrators.iter().collect::<Vec<_>>())
                .await
                .with_context(|| format!("the schema {schema} cannot be migrated"))?;
        }
    }
    Ok(())
}

/// Refuses to go on when a migration is pending.
pub async fn check(database: &Database, bus: &bus::Config, roles: &[Role]) -> anyhow::Result<()> {
    let mut pending = bus::pending(database, bus, &role::subscriptions())
        .await
        .context("the database of MC_DATABASE_URL cannot be reached")?;
    for role in roles {
        if let Some((schema, migrators)) = role.schema() {
            let pool = database
                .connect(schema)
                .await
                .context("the database of MC_DATABASE_URL cannot be reached")?;
            for migrator in &migrators {
                pending += db::pending(&pool, migrator).await?;
            }
            pool.close().await;
        }
    }
    if pending > 0 {
        anyhow::bail!(
            "{pending} migrations are pending: run `mission-control migrate` first, or set DB_AUTO_MIGRATE=true"
        );
    }
    Ok(())
}
