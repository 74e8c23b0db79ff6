//! The server's files: made once, completely or not at all, and configured anew at every start.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use tokio::io::AsyncWriteExt;

use super::NAME;
use super::account::Account;
use super::binaries::Programs;

/// Where the files go when root's data directory is one that no other account can reach, such as one under /root.
const ELSEWHERE: &str = "/var/lib/mission-control";

/// Tried in this order: the first orders by code point and still knows the case of every letter.
const LOCALES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// The directory of a server's files.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Canonical.
    pub(super) dir: PathBuf,
}

impl Cluster {
    /// The data directory's cluster, if one was made.
    pub(super) fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join("postgres");
        if let Err(error) = fs::symlink_metadata(&path) {
            ensure!(
                error.kind() == ErrorKind::NotFound,
                "{} cannot be read: {error}",
                path.display()
            );
            return Ok(None);
        }
        let dir = fs::canonicalize(&path).with_context(|| {
            format!(
                "{} leads to database files that are gone: remove it to begin anew",
                path.display()
            )
        })?;
        ensure!(
            dir.join("PG_VERSION").exists(),
            "{} is not a PostgreSQL directory",
            dir.display()
        );
        Ok(Some(Self { dir }))
    }

    /// The version of PostgreSQL that made it, and that alone can open it.
    pub(super) fn major(&self) -> anyhow::Result<u32> {
        let path = self.dir.join("PG_VERSION");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        text.trim()
            .parse()
            .with_context(|| format!("{} does not hold a version", path.display()))
    }

    /// Makes the files and the database in them. They appear under their final name when they are complete.
    pub(super) async fn create(
        data_dir: &Path,
        programs: &Programs,
        account: &Account,
    ) -> anyhow::Result<Self> {
        let link = data_dir.join("postgres");
        let dir = if account.reaches(data_dir).await? {
            link.clone()
        } else {
            let dir = Path::new(ELSEWHERE).join(format!("{:016x}", rand::random::<u64>()));
            DirBuilder::new()
                .recursive(true)
                .mode(0o711)
                .create(ELSEWHERE)?;
            ensure!(
                account.reaches(Path::new(ELSEWHERE)).await?,
                "the account that runs PostgreSQL can reach neither {} nor {ELSEWHERE}: choose another MC_DATA_DIR",
                data_dir.display()
            );
            tracing::info!(
                "PostgreSQL does not run as root, and no other account can reach {}: its files go to {}",
                data_dir.display(),
                dir.display()
            );
            dir
        };
        let unfinished = dir.with_extension("new");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).with_context(|| {
                format!(
                    "{} is left of an earlier try and cannot be removed",
                    unfinished.display()
                )
            })?;
        }
        DirBuilder::new().mode(0o700).create(&unfinished)?;
        account.give(&unfinished)?;
        initialise(&unfinished, programs, account).await?;
        create_database(&unfinished, programs, account).await?;
        fs::rename(&unfinished, &dir)?;
        if dir != link {
            std::os::unix::fs::symlink(&dir, &link)?;
        }
        Ok(Self {
            dir: fs::canonicalize(&dir)?,
        })
    }

    /// Writes the server's configuration, where it is not this version's already. An operator's changes belong in
    /// `alter system`, which wins over these.
    pub(super) fn configure(&self) -> anyhow::Result<()> {
        for (name, text) in [
            ("postgresql.conf", include_str!("postgresql.conf")),
            ("pg_hba.conf", include_str!("pg_hba.conf")),
        ] {
            let path = self.dir.join(name);
            if fs::read_to_string(&path).ok().as_deref() != Some(text) {
                // In place: the file stays the server account's own.
                fs::write(&path, text)
                    .with_context(|| format!("{} cannot be written", path.display()))?;
            }
        }
        Ok(())
    }
}

async fn initialise(dir: &Path, programs: &Programs, account: &Account) -> anyhow::Result<()> {
    let mut complaint = String::new();
    for locale in LOCALES {
        let output = account
            .command(&programs.initdb())
            .arg("--pgdata")
            .arg(dir)
            .args([
                "--username",
                NAME,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--data-checksums",
                "--locale",
                locale,
            ])
            .output()
            .await
            .with_context(|| format!("{} cannot be started", programs.initdb().display()))?;
        if output.status.success() {
            return Ok(());
        }
        complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !complaint.contains("invalid locale name") {
            break;
        }
    }
    bail!(
        "the database files cannot be created in {}: {complaint}",
        dir.display()
    )
}

/// Creates the database without a server: the files are complete before anybody can see them.
async fn create_database(dir: &Path, programs: &Programs, account: &Account) -> anyhow::Result<()> {
    let mut child = account
        .command(&programs.postgres())
        .arg("--single")
        .arg("-D")
        .arg(dir)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("the pipe asked for above")?;
    stdin
        .write_all(format!("create database {NAME}\n").as_bytes())
        .await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    // A statement that fails is reported, but does not fail the process.
    ensure!(
        output.status.success() && !said.contains("ERROR:"),
        "the database cannot be created: {}",
        said.trim()
    );
    Ok(())
}
