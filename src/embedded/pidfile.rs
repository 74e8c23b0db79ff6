//! `postmaster.pid`: how a running server says where it is and how far it has come.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::Pid;

use crate::data_dir::is_alive;

/// What the server last said of itself, on the eighth line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Starting,
    Ready,
    Stopping,
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: Pid,
    pub(super) port: u16,
    pub(super) socket_dir: PathBuf,
    pub(super) status: Status,
}

impl PidFile {
    pub(super) fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    /// Reads the file of a cluster; `None` where there is none, or where the server is still writing it.
    pub(super) fn read(cluster: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(cluster);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        Some(Self {
            pid: Pid::from_raw(lines.first()?.trim().parse().ok()?),
            port: lines.get(3)?.trim().parse().ok()?,
            socket_dir: PathBuf::from(lines.get(4)?),
            status: match lines.get(7).map(|line| line.trim()) {
                Some("ready") => Status::Ready,
                Some("stopping") => Status::Stopping,
                _ => Status::Starting,
            },
        })
    }

    /// Whether the process of this id is this cluster's server, and not one that got the number later.
    pub(super) fn is_served(&self, cluster: &Path) -> bool {
        if !is_alive(self.pid) {
            return false;
        }
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        let Ok(name) = fs::read_to_string(proc.join("comm")) else {
            // No /proc here: the id is all there is to go by.
            return !Path::new("/proc/self").exists();
        };
        // A server works in its cluster's directory; in a container, root may be refused the look.
        name.trim() == "postgres"
            && fs::read_link(proc.join("cwd")).map_or(true, |cwd| cwd == cluster)
    }

    /// The socket that the server listens on.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str =
        "4711\n/data/postgres\n1795344000\n5432\n/tmp/mc\n\n  65538         3\nready   \n";

    #[test]
    fn a_server_that_is_ready_is_read_whole() {
        let expected = PidFile {
            pid: Pid::from_raw(4711),
            port: 5432,
            socket_dir: "/tmp/mc".into(),
            status: Status::Ready,
        };
        assert_eq!(expected.socket(), PathBuf::from("/tmp/mc/.s.PGSQL.5432"));
        assert_eq!(PidFile::parse(READY), Some(expected));
    }

    #[test]
    fn a_half_written_file_is_no_file() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("4711\n/data/postgres\n1795344000\n"), None);
    }

    #[test]
    fn a_server_that_has_not_said_ready_is_starting() {
        let text = READY.replace("ready   \n", "");
        assert_eq!(
            PidFile::parse(&text).map(|file| file.status),
            Some(Status::Starting)
        );
        let text = READY.replace("ready   ", "stopping");
        assert_eq!(
            PidFile::parse(&text).map(|file| file.status),
            Some(Status::Stopping)
        );
    }

    #[test]
    fn another_process_of_the_same_number_is_not_the_server() {
        let file = PidFile {
            pid: Pid::this(),
            port: 5432,
            socket_dir: "/tmp/mc".into(),
            status: Status::Ready,
        };
        assert!(!file.is_served(Path::new("/data/postgres")));
    }
}
