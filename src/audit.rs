//! `mission-control audit`: whether the log of everything that happened is what was written.

use std::path::PathBuf;

use activity::{Unverified, Verified};
use anyhow::Context;
use chassis::{
    db::{self, Database},
    telemetry,
};
use secrecy::SecretString;

use crate::embedded::{self, Embedded};

/// What of `mission-control audit` is to be done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Walk the event log from its first row to its newest, and say whether each still says what was written and follows from
    /// the one before it. Fails at the first row that does not.
    Verify(Box<Options>),
}

/// Options of `mission-control audit verify`.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    /// Where the private PostgreSQL lives, when no database is named. It may be running.
    #[arg(long, env = "MC_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    #[command(flatten)]
    pub embedded: embedded::Config,
    #[command(flatten)]
    pub chassis: chassis::Config,
    #[command(flatten)]
    pub telemetry: telemetry::Config,
}

/// `mission-control audit`.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Verify(options) => {
            let _telemetry = telemetry::init(&options.telemetry)?;
            let Verified {
                rows,
                redacted,
                head,
            } = Box::pin(verify(&options)).await?;
            println!(
                "the event log is unbroken: {rows} events, {redacted} of them redacted; the chain ends in {head}"
            );
            Ok(())
        }
    }
}

/// Verifies the log of the database that was named, or of the private one.
///
/// # Errors
/// Names the first row that does not hold.
pub async fn verify(options: &Options) -> anyhow::Result<Verified> {
    if let Some(url) = &options.chassis.database_url {
        return verify_at(url.clone()).await;
    }
    if let Some(url) = embedded::running_url(&options.data_dir)? {
        return verify_at(url.into()).await;
    }
    anyhow::ensure!(
        embedded::exists(&options.data_dir)?,
        "there is no database in {}: set MC_DATABASE_URL or MC_DATA_DIR",
        options.data_dir.display()
    );
    let database = Embedded::start(&options.data_dir, &options.embedded).await?;
    let outcome = verify_at(database.url().to_owned().into()).await;
    database
        .stop()
        .await
        .context("the private PostgreSQL did not stop")?;
    outcome
}

async fn verify_at(url: SecretString) -> anyhow::Result<Verified> {
    let database = Database {
        url,
        max_connections: 1,
        slow: std::time::Duration::ZERO,
    };
    let pool = database
        .connect(activity::SCHEMA)
        .await
        .context("the database cannot be reached")?;
    let outcome = async {
        let pending = db::pending(&pool, &activity::MIGRATOR).await?;
        anyhow::ensure!(
            pending == 0,
            "{pending} migrations of the log are pending: run `mission-control migrate` first"
        );
        activity::verify(&pool).await.map_err(told)
    };
    let outcome = outcome.await;
    pool.close().await;
    outcome
}

fn told(why: Unverified) -> anyhow::Error {
    match why {
        Unverified::Broken {
            sequence,
            flaw,
            redacted,
        } => anyhow::anyhow!(
            "the event log is broken at sequence {sequence}: {flaw} ({} events before it hold, {redacted} of them redacted)",
            sequence - 1
        ),
        Unverified::Database(error) => error.into(),
    }
}
