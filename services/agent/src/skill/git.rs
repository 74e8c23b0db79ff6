//! Reads repositories of strangers with `git`, as child processes.
//!
//! Nothing of a repository becomes a file of ours: it is cloned bare, without hooks, links, filters or modules, and its files
//! are read as objects whose sizes are known before. git sees an empty home, asks nobody for a password, follows no
//! redirect, and speaks no protocol but https (or http where that is allowed). Time, disk and output are limited.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::repository::{self, Blob, Branch};
use crate::quote;

/// Bytes of a listing of references, and of one of files.
const REFERENCES: u64 = 1024 * 1024;
const LISTING: u64 = 32 * 1024 * 1024;
/// Files of a repository.
const FILES: usize = 100_000;
/// Bytes that are kept of what git complains about.
const COMPLAINT: u64 = 16 * 1024;
/// How often to look how much a clone takes on disk.
const LOOK: Duration = Duration::from_millis(200);
/// How the directories of clones are called, and how long after its time one is nobody's any more: its process was killed.
/// Others on this machine may have more time.
const PREFIX: &str = "mission-control-pack-";
const GRACE: Duration = Duration::from_hours(1);
/// Variables that git needs to find its programs and the way out.
const PASSED_ON: [&str; 10] = [
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
const SETTINGS: [&str; 17] = [
    "protocol.allow=never",
    "protocol.https.allow=always",
    "http.followRedirects=false",
    "credential.helper=",
    "core.askPass=",
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.bigFileThreshold=16m",
    "core.attributesFile=/dev/null",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",
    "pack.threads=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.bareRepository=all",
];

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("git_missing: there is no git on this server; install it and restart")]
    Missing,
    #[error("sync_timeout: reading the repository took longer than {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("repository_too_large: {0}")]
    TooLarge(String),
    #[error("repository_not_found: there is no repository that can be read without a password")]
    NotFound,
    #[error("repository_empty: there is nothing in the repository")]
    Empty,
    #[error("git_failed: {0}")]
    Git(String),
    #[error("internal: the repository could not be read")]
    Io(#[from] io::Error),
}

/// Reads repositories.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    program: Option<PathBuf>,
    timeout: Duration,
    /// Bytes of a clone.
    max_bytes: u64,
}

/// Where a repository is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote<'a> {
    /// Without `.git`.
    pub url: &'a str,
    pub branch: &'a str,
}

/// A repository that was cloned; its files are gone with it.
pub(crate) struct Clone {
    runner: Runner,
    /// The default branch, where the wanted one does not exist.
    pub instead: Option<String>,
    pub files: Vec<Blob>,
}

impl Git {
    /// The first `git` of the path.
    pub(crate) fn find(timeout: Duration, max_mib: u64) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .map(|directory| directory.join("git"))
            .find(|program| program.is_file());
        if program.is_none() {
            tracing::warn!("there is no git on the path: packs of skills cannot be synced");
        }
        Self {
            program,
            timeout,
            max_bytes: max_mib * 1024 * 1024,
        }
    }

    /// Clones the newest state of a branch and lists its files.
    pub(crate) async fn clone(&self, remote: Remote<'_>) -> Result<Clone, Failure> {
        let program = self.program.clone().ok_or(Failure::Missing)?;
        let runner = Runner {
            program,
            directory: tempfile::Builder::new().prefix(PREFIX).tempdir()?,
            insecure: remote.url.starts_with("http://"),
            timeout: self.timeout,
            ends: Instant::now() + self.timeout,
            max_bytes: self.max_bytes,
        };
        // Where repositories end in `.git`, asking without it would lead to a redirect.
        let url = format!("{}.git", remote.url);
        let wanted = format!("refs/heads/{}", remote.branch);
        let asked = ["ls-remote", "--symref", "--", &url, "HEAD", &wanted];
        let references = runner.run(&asked, None, REFERENCES).await?;
        let branch = repository::choose(&String::from_utf8_lossy(&references), remote.branch);
        let (branch, instead) = match branch {
            Branch::Wanted => (remote.branch.to_owned(), None),
            Branch::Default(name) => (name.clone(), Some(name)),
            Branch::None => return Err(Failure::Empty),
        };
        let clone = [
            "clone",
            "--quiet",
            "--bare",
            "--depth=1",
            "--single-branch",
            "--no-tags",
            "--template=",
            "--branch",
            &branch,
            "--",
            &url,
            "it",
        ];
        runner.run(&clone, None, COMPLAINT).await?;
        runner.check_size().await?;
        let listing = [
            "--git-dir=it",
            "ls-tree",
            "-r",
            "-z",
            "-l",
            "--full-tree",
            "HEAD",
        ];
        let files = repository::files(&runner.run(&listing, None, LISTING).await?);
        if files.len() > FILES {
            return Err(Failure::TooLarge(format!("it has more than {FILES} files")));
        }
        Ok(Clone {
            runner,
            instead,
            files,
        })
    }
}

impl Clone {
    /// The contents of files, in their order.
    pub(crate) async fn read(&self, blobs: &[&Blob]) -> Result<Vec<Vec<u8>>, Failure> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = blobs.iter().map(|blob| blob.id.as_str()).collect();
        let asked = self.runner.directory.path().join("asked");
        tokio::fs::write(&asked, ids.join("\n") + "\n").await?;
        let bytes: u64 = blobs.iter().map(|blob| blob.size + 200).sum();
        let output = self
            .runner
            .run(
                &["--git-dir=it", "cat-file", "--batch"],
                Some(&asked),
                bytes,
            )
            .await?;
        repository::contents(&output, blobs)
            .ok_or_else(|| Failure::Git("it answered something else than was asked".to_owned()))
    }
}

/// Runs git in a directory of its own until a time is up.
struct Runner {
    program: PathBuf,
    directory: TempDir,
    insecure: bool,
    timeout: Duration,
    ends: Instant,
    max_bytes: u64,
}

impl Runner {
    /// What git writes, at most `limit` bytes.
    async fn run(
        &self,
        args: &[&str],
        input: Option<&Path>,
        limit: u64,
    ) -> Result<Vec<u8>, Failure> {
        let mut group = Group(self.command(args, input)?.spawn()?);
        let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
        let ended = async {
            let (output, complaint, status) = tokio::try_join!(
                all(stdout, limit),
                beginning(stderr, COMPLAINT),
                group.0.wait()
            )?;
            Ok::<_, io::Error>((output, complaint, status))
        };
        let (output, complaint, status) = tokio::select! {
            ended = tokio::time::timeout_at(self.ends, ended) => {
                let ended = ended.map_err(|_| Failure::Timeout(self.timeout))?;
                ended.map_err(|error| match error.kind() {
                    io::ErrorKind::FileTooLarge => {
                        Failure::TooLarge("there is too much to list".to_owned())
                    }
                    _ => Failure::Io(error),
                })?
            }
            failure = self.outgrows() => return Err(failure),
        };
        if status.success() {
            return Ok(output);
        }
        let complaint = String::from_utf8_lossy(&complaint);
        // Hosts ask for a password where there is nothing to be seen.
        if complaint.contains("terminal prompts disabled") || complaint.contains("not found") {
            return Err(Failure::NotFound);
        }
        Err(Failure::Git(quote::line(
            repository::complaint(&complaint),
            200,
        )))
    }

    fn command(&self, args: &[&str], input: Option<&Path>) -> io::Result<Command> {
        let stdin = match input {
            Some(path) => Stdio::from(std::fs::File::open(path)?),
            None => Stdio::null(),
        };
        let mut command = Command::new(&self.program);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        if self.insecure {
            // For repositories on this machine: no proxy knows the way to them.
            command.args(["-c", "protocol.http.allow=always", "-c", "http.proxy="]);
        }
        command
            .args(args)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.environment())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    fn environment(&self) -> [(&'static str, &OsStr); 11] {
        let protocols = if self.insecure { "https:http" } else { "https" };
        let home = self.directory.path().as_os_str();
        let word = OsStr::new;
        [
            ("HOME", home),
            ("XDG_CONFIG_HOME", home),
            ("TMPDIR", home),
            ("LC_ALL", word("C")),
            ("GIT_ALLOW_PROTOCOL", word(protocols)),
            ("GIT_TERMINAL_PROMPT", word("0")),
            ("GIT_ASKPASS", word("")),
            ("GIT_CONFIG_NOSYSTEM", word("1")),
            ("GIT_CONFIG_GLOBAL", word("/dev/null")),
            ("GIT_ATTR_NOSYSTEM", word("1")),
            ("GIT_LFS_SKIP_SMUDGE", word("1")),
        ]
    }

    /// Answers when the directory takes more than it may.
    async fn outgrows(&self) -> Failure {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(failure @ Failure::TooLarge(_)) = self.check_size().await {
                return failure;
            }
        }
    }

    async fn check_size(&self) -> Result<(), Failure> {
        let directory = self.directory.path().to_owned();
        let taken = tokio::task::spawn_blocking(move || taken(&directory)).await;
        let bytes = taken.map_err(io::Error::other)?;
        if bytes > self.max_bytes {
            let mib = bytes.div_ceil(1024 * 1024);
            return Err(Failure::TooLarge(format!("it takes {mib} MiB")));
        }
        Ok(())
    }
}

/// A process with all that it has started: they end together.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // It may be gone since.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// An output that is not longer than it may be.
async fn all(output: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let Some(output) = output else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    // One byte more tells whether it is longer.
    output.take(limit + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The beginning of an output. The rest is read and thrown away, or whoever writes would wait for ever.
async fn beginning(output: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let Some(mut output) = output else {
        return Ok(Vec::new());
    };
    let mut kept = Vec::new();
    (&mut output).take(limit).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// Removes what clones have left whose process was killed, now and then, until it is told to stop.
pub(crate) async fn keep_swept(timeout: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    let age = timeout + GRACE;
    loop {
        let removed =
            tokio::task::spawn_blocking(move || sweep(&std::env::temp_dir(), age)).await?;
        if removed > 0 {
            tracing::info!(removed, "clones of packs that were cut off are removed");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(age) => {}
        }
    }
}

/// Removes the clones in a directory that nothing has been put into for longer than this; answers how many.
fn sweep(directory: &Path, age: Duration) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let is_old = |entry: &std::fs::DirEntry| {
        let modified = entry.metadata().and_then(|of| of.modified()).ok();
        modified.is_some_and(|at| at.elapsed().is_ok_and(|since| since > age))
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_old(entry))
        .filter(|entry| std::fs::remove_dir_all(entry.path()).is_ok())
        .count()
}

/// Bytes of a directory with all that is in it.
fn taken(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(of) if of.is_dir() => taken(&entry.path()),
            Ok(of) => of.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_without_git_says_so() {
        let git = Git {
            program: None,
            timeout: Duration::from_secs(1),
            max_bytes: 1,
        };
        let remote = Remote {
            url: "https://github.com/o/r",
            branch: "main",
        };
        let failure = git
            .clone(remote)
            .await
            .err()
            .map(|failure| failure.to_string());
        assert!(failure.is_some_and(|told| told.starts_with("git_missing: ")));
    }

    #[test]
    fn clones_of_a_killed_process_are_removed_and_those_under_way_are_not() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, minutes| {
            let path = place.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("pack"), [0; 9]).unwrap();
            let directory = std::fs::File::open(&path).unwrap();
            let now = directory.metadata().unwrap().modified().unwrap();
            directory
                .set_modified(now - Duration::from_mins(minutes))
                .unwrap();
        };
        make("mission-control-pack-old", 4);
        make("mission-control-pack-new", 2);
        make("something-else", 4);
        assert_eq!(sweep(place.path(), Duration::from_mins(3)), 1);
        assert!(!place.path().join("mission-control-pack-old").exists());
        for stays in ["mission-control-pack-new", "something-else"] {
            assert!(place.path().join(stays).join("pack").exists(), "{stays}");
        }
        assert_eq!(sweep(&place.path().join("nowhere"), Duration::ZERO), 0);
    }

    #[test]
    fn a_directory_takes_what_its_files_take() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        for name in ["x", "a/y"] {
            std::fs::write(directory.path().join(name), [0; 700]).unwrap();
        }
        let bytes = taken(directory.path());
        assert!((1_400..1_000_000).contains(&bytes), "{bytes}");
        assert_eq!(taken(&directory.path().join("nowhere")), 0);
    }
}
