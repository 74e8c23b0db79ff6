//! What must be right before anything runs: data directory, configuration, database, migrations, bus.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bus::Bus;
use chassis::{Settings, db::Database};
use nix::{
    sys::statvfs::statvfs,
    unistd::{AccessFlags, access},
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::{
    Facts,
    report::{Report, Trouble},
};
use crate::{embedded, migrate, options::Options, role::Role, secrets::Secrets};

/// How long a database or a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Free space below which a database is about to stop, bytes.
const TIGHT: u128 = 200 * 1024 * 1024;

/// Looks at the data directory; answers the secrets in it.
pub(super) fn data_directory(options: &Options, report: &mut Report) -> Option<Secrets> {
    let (began, mut secrets) = (Instant::now(), None);
    let outcome = judge_directory(options, &mut secrets);
    report.note("data directory", began, outcome);
    secrets
}

fn judge_directory(options: &Options, secrets: &mut Option<Secrets>) -> Result<String, Trouble> {
    let dir = &options.data_dir;
    let shown = dir.display();
    if !dir.exists() {
        let parent = nearest(dir);
        return match access(&parent, AccessFlags::W_OK | AccessFlags::X_OK) {
            Ok(()) => Ok(format!(
                "{shown} is not there yet: the first start makes it"
            )),
            Err(error) => Err(Trouble::new(
                format!(
                    "{shown} is not there, and {} cannot be written: {error}",
                    parent.display()
                ),
                "let this account write there, or choose another place with MC_DATA_DIR",
            )),
        };
    }
    let elsewhere = "choose another place with MC_DATA_DIR";
    let meta =
        fs::metadata(dir).map_err(|error| Trouble::new(format!("{shown}: {error}"), elsewhere))?;
    if !meta.is_dir() {
        return Err(Trouble::new(
            format!("{shown} is not a directory"),
            elsewhere,
        ));
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o066 != 0 {
        return Err(Trouble::new(
            format!("{shown} is open to others (mode {mode:o})"),
            format!("chmod 700 {shown}"),
        ));
    }
    if let Err(error) = access(
        dir,
        AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK,
    ) {
        return Err(Trouble::new(
            format!("{shown} cannot be read and written: {error}"),
            "run as the account that owns it, or choose another place with MC_DATA_DIR",
        ));
    }
    *secrets = Secrets::find(dir).map_err(|error| {
        Trouble::says(
            &error,
            "do what it says, or bring secrets.env back from a backup",
        )
    })?;
    let has_database =
        options.chassis.database_url.is_none() && embedded::exists(dir).unwrap_or(true);
    if has_database && secrets.is_none() && options.chassis.seal_key.is_none() {
        return Err(Trouble::new(
            format!(
                "{shown} has a database but no secrets.env: what is sealed in it cannot be read"
            ),
            "bring secrets.env back from a backup, or set MC_SEAL_KEY, MC_MESH_SECRET and LOCAL_AUTH_TOKEN as they were",
        ));
    }
    let free = statvfs(dir)
        .map(|stat| u128::from(stat.blocks_available()) * u128::from(stat.fragment_size()));
    match free {
        Ok(free) if free < TIGHT => Err(Trouble::new(
            format!("{shown} has {} MB left", free >> 20),
            "free some space: a full disk stops the database",
        )),
        Ok(free) => Ok(format!("{shown}, {} MB free", free >> 20)),
        Err(_) => Ok(shown.to_string()),
    }
}

/// The nearest directory above that is there.
fn nearest(path: &Path) -> PathBuf {
    let mut above = path.ancestors().skip(1);
    let found = above.find(|dir| !dir.as_os_str().is_empty() && dir.exists());
    found.map_or_else(|| ".".into(), Path::to_path_buf)
}

/// Looks at the rest of it.
pub(super) async fn examine(facts: &Facts<'_>, report: &mut Report) {
    let began = Instant::now();
    report.note("configuration", began, judge_configuration(facts));

    let began = Instant::now();
    let url = match private_or_named(facts).await {
        Ok(Place::At(url)) => url,
        Ok(Place::Stopped(version)) => {
            report.note(
                "database",
                began,
                Ok(format!(
                    "the private PostgreSQL {version} is not running; a start brings it up"
                )),
            );
            report.skip("migrations", "a start applies them");
            return bus(facts, None, report).await;
        }
        Err(trouble) => {
            report.note("database", began, Err(trouble));
            report.skip("migrations", "the database cannot be asked");
            return bus(facts, None, report).await;
        }
    };
    let database = Database {
        url: url.clone(),
        max_connections: 2,
        slow: Duration::ZERO,
    };
    if report.note("database", began, connect(&url).await) {
        let began = Instant::now();
        let outcome = judge_migrations(facts, &database).await;
        let is_up_to_date = report.note("migrations", began, outcome);
        bus(facts, is_up_to_date.then_some(&database), report).await;
    } else {
        report.skip("migrations", "the database cannot be asked");
        bus(facts, None, report).await;
    }
}

fn judge_configuration(facts: &Facts<'_>) -> Result<String, Trouble> {
    let mut chassis = facts.options.chassis.clone();
    let is_private = chassis.database_url.is_none();
    chassis
        .database_url
        .get_or_insert_with(|| "postgres://localhost/x".to_owned().into());
    if let Some(secrets) = &facts.secrets {
        chassis
            .mesh_secret
            .get_or_insert_with(|| secrets.mesh_secret.clone());
        chassis
            .seal_key
            .get_or_insert_with(|| secrets.seal_key.clone());
    }
    // Without secrets a first start makes them.
    if facts.secrets.is_some() || (chassis.mesh_secret.is_some() && chassis.seal_key.is_some()) {
        Settings::new(&chassis, Vec::new())
            .map_err(|error| Trouble::says(&error, "set it as docs/configuration.md says"))?;
    }
    let database = if is_private {
        "private PostgreSQL"
    } else {
        "PostgreSQL of MC_DATABASE_URL"
    };
    let events = if facts.options.bus.amqp_url.is_some() {
        "RabbitMQ"
    } else {
        "PostgreSQL"
    };
    Ok(format!(
        "{database}, events over {events}, agents call {}",
        facts.base_url
    ))
}

enum Place {
    At(SecretString),
    /// With the version that would run.
    Stopped(u32),
}

async fn private_or_named(facts: &Facts<'_>) -> Result<Place, Trouble> {
    let options = facts.options;
    if let Some(url) = &options.chassis.database_url {
        return Ok(Place::At(url.clone()));
    }
    let repair = "look into postgres.log of the data directory, or bring it back from a backup";
    let running =
        embedded::running_url(&options.data_dir).map_err(|error| Trouble::says(&error, repair))?;
    if let Some(url) = running {
        return Ok(Place::At(url.into()));
    }
    match embedded::version(&options.data_dir, &options.embedded).await {
        Ok(version) => Ok(Place::Stopped(version)),
        Err(error) => Err(Trouble::says(
            &error,
            "install PostgreSQL as it says, run scripts/bootstrap, or set MC_DATABASE_URL",
        )),
    }
}

async fn connect(url: &SecretString) -> Result<String, Trouble> {
    let fix =
        "see that PostgreSQL runs, and check host, port, name and password in MC_DATABASE_URL";
    let asked = timeout(PATIENCE, async {
        let mut conn = PgConnection::connect(url.expose_secret()).await?;
        let number: String = sqlx::query_scalar("select current_setting('server_version_num')")
            .fetch_one(&mut conn)
            .await?;
        conn.close().await?;
        Ok::<_, sqlx::Error>(number)
    });
    match asked.await {
        Ok(Ok(number)) => match number.parse::<u32>().map(|number| number / 10_000) {
            Ok(major) if major >= 15 => Ok(format!("PostgreSQL {major} answers")),
            _ => Err(Trouble::new(
                format!("PostgreSQL {number} is too old"),
                "run version 15 or newer",
            )),
        },
        Ok(Err(error)) => Err(Trouble::new(error.to_string(), fix)),
        Err(_) => Err(Trouble::new(
            format!("no answer within {} s", PATIENCE.as_secs()),
            fix,
        )),
    }
}

async fn judge_migrations(facts: &Facts<'_>, database: &Database) -> Result<String, Trouble> {
    let asked = timeout(
        PATIENCE,
        migrate::check(database, &facts.options.bus, &Role::ALL),
    );
    match asked.await {
        Ok(Ok(())) => Ok("every schema is up to date".to_owned()),
        Ok(Err(error)) => Err(Trouble::says(&error, "mission-control migrate")),
        Err(_) => Err(Trouble::new(
            format!("no answer within {} s", PATIENCE.as_secs()),
            "see what locks the database: select * from pg_stat_activity",
        )),
    }
}

/// The broker, or the queues of a database that is up to date.
async fn bus(facts: &Facts<'_>, database: Option<&Database>, report: &mut Report) {
    let began = Instant::now();
    let (bus, fix) = match (&facts.options.bus.amqp_url, database) {
        (Some(url), _) => (
            Bus::rabbitmq(url.clone(), &facts.options.bus.amqp_prefix),
            "see that RabbitMQ (3.10 or later) runs, and check host, port, user and vhost in MC_AMQP_URL",
        ),
        (None, Some(database)) => (
            database.connect("bus").await.map(Bus::postgres),
            "mission-control migrate",
        ),
        (None, None) => return report.skip("bus", "events travel through the database"),
    };
    let outcome = match bus {
        Ok(bus) => match timeout(PATIENCE, bus.check()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
        },
        Err(error) => Err(error),
    };
    let outcome = outcome
        .map(|()| "events can travel".to_owned())
        .map_err(|error| Trouble::says(&error, fix));
    report.note("bus", began, outcome);
}
