//! The data directory: what one installation keeps on this machine.
//!
//! ```text
//! secrets.env      generated secrets (see `secrets`)
//! postgres/        the private PostgreSQL's files, or a link to them (see `embedded`)
//! postgres.log     what it had to say
//! lock             held by the process that runs the private PostgreSQL
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

/// Creates the directory, closed to everybody else, unless it is there, and returns its canonical path.
pub fn prepare(path: &Path) -> anyhow::Result<PathBuf> {
    create(path).with_context(|| format!("the data directory {} cannot be created", path.display()))
}

fn create(path: &Path) -> std::io::Result<PathBuf> {
    // The directories above are nobody's secret.
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::canonicalize(path),
    }
}

/// The right to run this data directory's PostgreSQL: one process at a time holds it, and no longer than it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// How long the PostgreSQL of a run that was killed may take to stop.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Takes the lock, or says which process has it.
    ///
    /// When the process that took it is dead, the lock is still held by the watchdog that is stopping that run's
    /// PostgreSQL; it is waited for.
    pub async fn acquire(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        let deadline = Instant::now() + Self::PATIENCE;
        let mut announced = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("{} cannot be locked", path.display()));
                }
            }
            let holder = holder(&mut file);
            if let Some(pid) = holder
                && is_alive(pid)
            {
                bail!(
                    "already running, pid {pid}: one Mission Control at a time uses the data directory {}",
                    data_dir.display()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "the PostgreSQL of an earlier run in {} does not stop",
                    data_dir.display()
                );
            }
            if !announced && holder.is_some() {
                tracing::info!("waiting for the PostgreSQL of an earlier run to stop");
                announced = true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { file })
    }

    /// A second handle on the same lock, for a child process: the lock ends when both are closed.
    pub(crate) fn share(&self) -> anyhow::Result<File> {
        self.file
            .try_clone()
            .context("the lock cannot be shared with a child process")
    }
}

fn holder(file: &mut File) -> Option<Pid> {
    let mut text = String::new();
    file.rewind()
        .and_then(|()| file.read_to_string(&mut text))
        .ok()?;
    text.trim().parse().ok().map(Pid::from_raw)
}

/// Whether a process of this id runs, whoever owns it. One that was killed and that nobody has asked after yet does not.
pub(crate) fn is_alive(pid: Pid) -> bool {
    !matches!(kill(pid, None), Err(nix::errno::Errno::ESRCH)) && !is_zombie(pid)
}

/// Where there is no `/proc`, none is known to be one.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    // The state follows the name, which stands in parentheses and may hold any.
    stat.is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_ended_unnoticed_is_not_alive() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(is_alive(pid));
        kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        let ended = (0..200).any(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            !is_alive(pid)
        });
        assert!(ended, "it was never waited for");
        child.wait().unwrap();
    }
}
