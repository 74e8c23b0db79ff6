//! Whose the server is: PostgreSQL refuses to run as root, so root gives it to an account without rights.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use nix::unistd::{Gid, Uid, User, chown};
use tokio::process::Command;

use super::cluster::Cluster;

/// The account that the server's processes run under.
#[derive(Clone, Debug)]
pub(super) enum Account {
    /// The one that Mission Control runs under.
    Own,
    /// Root runs Mission Control; this one runs PostgreSQL.
    Lesser(User),
}

impl Account {
    /// Chooses for a new cluster, or keeps to the owner of an existing one.
    pub(super) fn choose(existing: Option<&Cluster>) -> anyhow::Result<Self> {
        let me = Uid::effective();
        let owner = existing
            .map(|cluster| fs::metadata(&cluster.dir).map(|meta| meta.uid()))
            .transpose()?;
        match (me.is_root(), owner.map(Uid::from_raw)) {
            (false, Some(owner)) if owner != me => bail!(
                "the database files in {} belong to {}, not to the account that runs this: run as that account or as root, \
                 or choose another MC_DATA_DIR",
                existing
                    .map(|cluster| cluster.dir.display().to_string())
                    .unwrap_or_default(),
                name(owner),
            ),
            (false, _) => Ok(Self::Own),
            (true, Some(owner)) if !owner.is_root() => {
                let user = User::from_uid(owner)?.with_context(|| {
                    format!("the database files belong to the unknown account {owner}")
                })?;
                Ok(Self::Lesser(user))
            }
            (true, _) => {
                for name in ["postgres", "nobody"] {
                    if let Some(user) = User::from_name(name)?.filter(|user| !user.uid.is_root()) {
                        return Ok(Self::Lesser(user));
                    }
                }
                bail!(
                    "PostgreSQL does not run as root, and there is neither an account postgres nor nobody to run it: \
                     start Mission Control as a normal user, or set MC_DATABASE_URL"
                )
            }
        }
    }

    /// A command that runs under this account, outside the terminal's process group: Ctrl-C is for Mission Control,
    /// which stops its database last. Nothing of the environment but PATH goes along (PGDATA, PGOPTIONS... would change
    /// what the server does).
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            )
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null());
        if let Self::Lesser(user) = self {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Makes the path this account's own.
    pub(super) fn give(&self, path: &Path) -> anyhow::Result<()> {
        let Self::Lesser(user) = self else {
            return Ok(());
        };
        chown(path, Some(user.uid), Some(Gid::from_raw(user.gid.as_raw()))).with_context(|| {
            format!(
                "{} cannot be given to the account {} (PostgreSQL does not run as root): \
                 start Mission Control as a normal user, or set MC_DATABASE_URL",
                path.display(),
                user.name
            )
        })
    }

    /// Whether the account can reach what is in the directory. Root's own directory is opened for passing through
    /// (0711), since the secrets in it are closed one by one; the directories above it are left as they are.
    pub(super) async fn reaches(&self, dir: &Path) -> anyhow::Result<bool> {
        if matches!(self, Self::Own) {
            return Ok(true);
        }
        let mode = fs::metadata(dir)?.permissions().mode();
        fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o011))?;
        let status = self
            .command(Path::new("/bin/sh"))
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(dir)
            .stderr(Stdio::null())
            .status()
            .await
            .context("no process can be started under another account")?;
        Ok(status.success())
    }
}

fn name(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => format!("account {uid}"),
    }
}
