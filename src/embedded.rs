//! The private PostgreSQL of an installation that was given no database.
//!
//! - Its programs are the machine's own, or the ones that `make run` fetched ([`binaries`]).
//! - Its files live in the data directory, 0700, and never belong to root ([`account`], [`cluster`]).
//! - It listens on a Unix socket in a directory that nobody else may enter, and on nothing else.
//! - It dies with the process that started it, even when that one is killed: a shell reads a pipe that only this
//!   process holds open, and stops the server when the pipe closes ([`watchdog`]). Where even the watchdog was killed,
//!   the server goes on, and the next start adopts it ([`postmaster`]).
//!
//! Nothing durable is given up for being embedded: `fsync` and `synchronous_commit` are on.

mod account;
mod binaries;
mod cluster;
mod pidfile;
mod postmaster;
mod watchdog;

use std::path::{Path, PathBuf};

use account::Account;
use binaries::Programs;
use cluster::Cluster;
use pidfile::{PidFile, Status};
use postmaster::Postmaster;

use crate::data_dir::{self, Lock};

/// The database and its owner; the server knows no other.
const NAME: &str = "mission_control";

/// Where the private PostgreSQL comes from.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Directory of the PostgreSQL programs to use; without it, the newest on this machine
    #[arg(long, env = "MC_PG_BIN")]
    pub pg_bin: Option<PathBuf>,

    /// Directory of fetched PostgreSQL programs; without it, mission-control in the user's cache directory
    #[arg(long, env = "MC_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// A running private PostgreSQL. Dropping it stops the server in the background; [`Embedded::stop`] waits.
#[derive(Debug)]
pub struct Embedded {
    url: String,
    postmaster: Postmaster,
    // Declared last, so dropped last: the directory is free once the server is being stopped.
    _lock: Lock,
}

impl Embedded {
    /// Starts the PostgreSQL of this data directory, or adopts the one that outlived its parent.
    pub async fn start(data_dir: &Path, config: &Config) -> anyhow::Result<Self> {
        let data_dir = data_dir::prepare(data_dir)?;
        let lock = Lock::acquire(&data_dir).await?;
        let existing = Cluster::find(&data_dir)?;
        let account = Account::choose(existing.as_ref())?;
        let major = existing.as_ref().map(Cluster::major).transpose()?;
        let programs = Programs::find(config, &account, major).await?;
        let cluster = match existing {
            Some(cluster) => cluster,
            None => {
                tracing::info!(
                    postgres.version = programs.major,
                    "creating the private database"
                );
                Cluster::create(&data_dir, &programs, &account).await?
            }
        };
        cluster.configure()?;
        let postmaster = Postmaster::start(&data_dir, &cluster, &programs, &account, &lock).await?;
        Ok(Self {
            url: url_of(&postmaster.socket_dir),
            postmaster,
            _lock: lock,
        })
    }

    /// The connection URL, as sqlx and libpq read it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process id.
    pub fn pid(&self) -> i32 {
        self.postmaster.pid.as_raw()
    }

    /// Whether this start found the server running.
    pub fn adopted(&self) -> bool {
        self.postmaster.adopted
    }

    /// Ends, with the reason, when the server ends that nobody stopped.
    pub fn failure(&self) -> impl Future<Output = anyhow::Error> + Send + use<> {
        self.postmaster.failure()
    }

    /// Stops the server: open transactions are rolled back, everything committed is on disk.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.postmaster.stop().await
    }
}

fn url_of(socket_dir: &Path) -> String {
    let socket = socket_dir.as_os_str().as_encoded_bytes();
    let host: String = url::form_urlencoded::byte_serialize(socket).collect();
    format!("postgres://{NAME}@localhost/{NAME}?host={host}&sslmode=disable")
}

/// Whether the data directory has a private PostgreSQL, running or not.
pub fn exists(data_dir: &Path) -> anyhow::Result<bool> {
    Ok(Cluster::find(data_dir)?.is_some())
}

/// The major version of the PostgreSQL programs that would run this data directory's database.
///
/// # Errors
/// Says what to install.
pub async fn version(data_dir: &Path, config: &Config) -> anyhow::Result<u32> {
    let existing = Cluster::find(data_dir)?;
    let account = Account::choose(existing.as_ref())?;
    let wanted = existing.as_ref().map(Cluster::major).transpose()?;
    Ok(Programs::find(config, &account, wanted).await?.major)
}

/// The connection URL of the data directory's PostgreSQL, when it is running for somebody and takes connections.
pub fn running_url(data_dir: &Path) -> anyhow::Result<Option<String>> {
    let Some(cluster) = Cluster::find(data_dir)? else {
        return Ok(None);
    };
    let running = PidFile::read(&cluster.dir)?
        .filter(|file| file.status == Status::Ready && file.is_served(&cluster.dir));
    Ok(running.map(|file| url_of(&file.socket_dir)))
}
