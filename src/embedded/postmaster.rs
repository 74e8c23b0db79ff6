//! The running server: started or adopted, watched, stopped.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::account::Account;
use super::binaries::Programs;
use super::cluster::Cluster;
use super::pidfile::{PidFile, Status};
use super::watchdog::Watchdog;
use crate::data_dir::{Lock, is_alive};

/// Recovery after a power cut replays at most `max_wal_size`.
const START: Duration = Duration::from_secs(300);
/// How long connections that are being closed may take.
const SMART_STOP: Duration = Duration::from_secs(1);
/// A fast shutdown writes out what is in memory.
const FAST_STOP: Duration = Duration::from_secs(60);
const IMMEDIATE_STOP: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The smallest `sun_path` among the systems we know (macOS, 104 bytes), less its closing NUL.
const SOCKET_PATH_MAX: usize = 103;
const LOG_MAX_BYTES: u64 = 10 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) pid: Pid,
    pub(super) socket_dir: PathBuf,
    pub(super) adopted: bool,
    log: PathBuf,
    gone: watch::Receiver<bool>,
    watchdog: Watchdog,
}

impl Postmaster {
    /// Adopts the cluster's server if one runs, else starts it; either way it takes connections when this returns.
    pub(super) async fn start(
        data_dir: &Path,
        cluster: &Cluster,
        programs: &Programs,
        account: &Account,
        lock: &Lock,
    ) -> anyhow::Result<Self> {
        let log = data_dir.join("postgres.log");
        if let Some(file) = running(&cluster.dir).await? {
            tracing::info!(
                postgres.pid = file.pid.as_raw(),
                "the database outlived its last run: adopted"
            );
            let watchdog = Watchdog::set(account, lock, &cluster.dir, file.pid, &file.socket_dir)?;
            let gone = watch_adopted(file.pid);
            return Ok(Self {
                pid: file.pid,
                socket_dir: file.socket_dir,
                adopted: true,
                log,
                gone,
                watchdog,
            });
        }
        let socket_dir = socket_dir(&cluster.dir, account)?;
        let child = spawn(&cluster.dir, &socket_dir, &log, programs, account)?;
        let pid = child
            .id()
            .context("the process that was just started has an id")?;
        let pid = Pid::from_raw(i32::try_from(pid).context("a process id fits")?);
        let watchdog = Watchdog::set(account, lock, &cluster.dir, pid, &socket_dir)?;
        let gone = watch_child(child);
        let this = Self {
            pid,
            socket_dir,
            adopted: false,
            log,
            gone,
            watchdog,
        };
        this.wait_until_ready(&cluster.dir).await?;
        Ok(this)
    }

    async fn wait_until_ready(&self, cluster: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if PidFile::read(cluster)?
                .is_some_and(|file| file.pid == self.pid && file.status == Status::Ready)
            {
                return Ok(());
            }
            if *self.gone.borrow() {
                bail!("PostgreSQL does not start: {}", last_words(&self.log));
            }
            if Instant::now() > deadline {
                bail!(
                    "PostgreSQL is not ready after {} s: {}",
                    START.as_secs(),
                    last_words(&self.log)
                );
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) fn failure(&self) -> impl Future<Output = anyhow::Error> + Send + use<> {
        let (mut gone, log) = (self.gone.clone(), self.log.clone());
        async move {
            // An error here means that the watching task is gone, and with it the runtime.
            let _ = gone.wait_for(|gone| *gone).await;
            anyhow!(
                "the private PostgreSQL ended by itself: {}",
                last_words(&log)
            )
        }
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.watchdog.call_off().await?;
        for (signal, patience) in [
            // Connections that are closing are let go, rather than cut off with a warning each.
            (Signal::SIGTERM, SMART_STOP),
            (Signal::SIGINT, FAST_STOP),
            (Signal::SIGQUIT, IMMEDIATE_STOP),
        ] {
            // It may have ended by itself; then there is nothing to wait for.
            if kill(self.pid, signal).is_err()
                || timeout(patience, self.gone.wait_for(|gone| *gone))
                    .await
                    .is_ok()
            {
                // The server's own files keep it where it is not a directory made for the socket alone.
                let _ = fs::remove_dir(&self.socket_dir);
                return Ok(());
            }
        }
        bail!(
            "PostgreSQL (pid {}) does not stop: {}",
            self.pid,
            last_words(&self.log)
        )
    }
}

/// The cluster's server if one runs and takes connections. One that is starting or stopping is waited for.
async fn running(cluster: &Path) -> anyhow::Result<Option<PidFile>> {
    let deadline = Instant::now() + START;
    loop {
        let Some(file) = PidFile::read(cluster)? else {
            return Ok(None);
        };
        if !file.is_served(cluster) {
            // A leftover of a machine or a container that went down. PostgreSQL would refuse to start if the number
            // belonged to another process of its account by now.
            fs::remove_file(PidFile::path(cluster))?;
            return Ok(None);
        }
        if file.status == Status::Ready && UnixStream::connect(file.socket()).is_ok() {
            return Ok(Some(file));
        }
        if Instant::now() > deadline {
            bail!(
                "process {} is named in {} but does not answer: if it is not PostgreSQL, remove that file",
                file.pid,
                PidFile::path(cluster).display()
            );
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn spawn(
    cluster: &Path,
    socket_dir: &Path,
    log: &Path,
    programs: &Programs,
    account: &Account,
) -> anyhow::Result<Child> {
    let out = open_log(log).with_context(|| format!("{} cannot be written", log.display()))?;
    // The setting is a list of quoted names.
    let quoted = format!(
        "\"{}\"",
        socket_dir.display().to_string().replace('"', "\"\"")
    );
    account
        .command(&programs.postgres())
        .arg("-D")
        .arg(cluster)
        .args(["-p", "5432", "-c"])
        .arg(format!("unix_socket_directories={quoted}"))
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("{} cannot be started", programs.postgres().display()))
}

fn open_log(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.len() > LOG_MAX_BYTES {
        file.set_len(0)?;
    }
    Ok(file)
}

/// The cluster's own directory, which nobody else may enter, or, where its path is too long for a socket's address, a
/// new one under /tmp that is as closed.
fn socket_dir(cluster: &Path, account: &Account) -> anyhow::Result<PathBuf> {
    if cluster.as_os_str().len() + "/.s.PGSQL.5432".len() <= SOCKET_PATH_MAX {
        return Ok(cluster.to_path_buf());
    }
    let dir = PathBuf::from(format!(
        "/tmp/mission-control-{:016x}",
        rand::random::<u64>()
    ));
    DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("{} cannot be created", dir.display()))?;
    account.give(&dir)?;
    Ok(dir)
}

fn watch_child(mut child: Child) -> watch::Receiver<bool> {
    let (tell, gone) = watch::channel(false);
    tokio::spawn(async move {
        if let Err(error) = child.wait().await {
            tracing::error!(%error, "the private PostgreSQL cannot be waited for");
        }
        tell.send_replace(true);
    });
    gone
}

/// Nobody's child can be waited for, only looked at.
fn watch_adopted(pid: Pid) -> watch::Receiver<bool> {
    let (tell, gone) = watch::channel(false);
    tokio::spawn(async move {
        while is_alive(pid) {
            sleep(Duration::from_millis(100)).await;
        }
        tell.send_replace(true);
    });
    gone
}

/// The end of the server's log, on one line.
fn last_words(log: &Path) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" | ");
    format!("{last} (see {})", log.display())
}
