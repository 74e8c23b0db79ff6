//! PostgreSQL, one schema per owner.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::log::LevelFilter;

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Database {
    pub url: SecretString,
    /// Most connections per schema.
    pub max_connections: u32,
    /// Statements that take longer are logged as warnings; zero turns that off.
    pub slow: Duration,
}

impl Database {
    fn options(&self, schema: &str) -> anyhow::Result<PgConnectOptions> {
        let options = self
            .url
            .expose_secret()
            .parse::<PgConnectOptions>()
            .map_err(|_| anyhow::anyhow!("the database URL cannot be read"))?
            .application_name(&format!("mission-control/{schema}"))
            .options([("search_path", schema), ("timezone", "UTC")])
            .log_statements(LevelFilter::Trace);
        Ok(match self.slow {
            Duration::ZERO => options.log_slow_statements(LevelFilter::Off, Duration::MAX),
            slow => options.log_slow_statements(LevelFilter::Warn, slow),
        })
    }

    /// A pool whose every connection sees only this schema.
    pub async fn connect(&self, schema: &str) -> anyhow::Result<PgPool> {
        Ok(PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(self.options(schema)?)
            .await?)
    }

    /// Makes the schema and brings it up to date. Several processes may do so at once: the migrators lock.
    pub async fn migrate(
        &self,
        schema: &'static str,
        migrators: &[&Migrator],
    ) -> anyhow::Result<()> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(self.options(schema)?)
            .await?;
        create_schema(&pool, schema).await?;
        for migrator in migrators {
            migrator.run(&pool).await?;
        }
        pool.close().await;
        Ok(())
    }
}

/// `create schema if not exists` alone can fail when two processes do it in the same instant.
async fn create_schema(pool: &PgPool, schema: &'static str) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('mission-control schema'))")
        .execute(&mut *tx)
        .await?;
    sqlx::query(sqlx::AssertSqlSafe(format!(
        r#"create schema if not exists "{schema}""#
    )))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// How many migrations of this migrator the database behind the pool has not seen.
pub async fn pending(pool: &PgPool, migrator: &Migrator) -> anyhow::Result<usize> {
    let table = migrator.table_name.clone();
    let exists: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(&*table)
        .fetch_one(pool)
        .await?;
    let applied: Vec<i64> = if exists {
        let sql = format!("select version from {table} where success");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(pool)
            .await?
    } else {
        Vec::new()
    };
    Ok(migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .filter(|migration| !applied.contains(&migration.version))
        .count())
}

/// SQLSTATE of a transaction that was given up because it and another waited for each other.
const DEADLOCK: &str = "40P01";

/// Whether the database gave up the transaction for another's sake; it may be done again.
pub fn is_deadlock(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some(DEADLOCK)
}

/// Name of the constraint that a statement broke, for translation into an error of the domain.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint)
}
