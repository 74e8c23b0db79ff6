//! The secrets that an installation makes for itself, once, when it is given none.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::data_dir;

/// Everything that must stay the same from start to start. Environment variables of the same names go before these.
#[derive(Debug)]
pub struct Secrets {
    /// Signs in the one user of `AUTH_MODE=local`; 64 characters.
    pub local_auth_token: SecretString,
    /// Signs callers inside the mesh; 64 characters.
    pub mesh_secret: SecretString,
    /// Seals what is encrypted at rest: 32 bytes in base64. Losing it loses every gateway's token.
    pub seal_key: SecretString,
}

impl Secrets {
    /// Reads `secrets.env` of the data directory, making it first where it is missing. Of several processes that start
    /// at once one makes it, and all of them read the same.
    pub fn load_or_create(data_dir: &Path) -> anyhow::Result<Self> {
        let dir = data_dir::prepare(data_dir)?;
        let path = dir.join("secrets.env");
        match fs::read_to_string(&path) {
            Ok(text) => return Self::read(&path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        }
        publish(&dir, &path, &Self::generate().to_text())?;
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::read(&path, &text)
    }

    /// The secrets of a data directory that has some.
    pub fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join("secrets.env");
        match fs::read_to_string(&path) {
            Ok(text) => Self::read(&path, &text).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn generate() -> Self {
        Self {
            local_auth_token: hex(rand::random()),
            mesh_secret: hex(rand::random()),
            seal_key: STANDARD.encode(rand::random::<[u8; 32]>()).into(),
        }
    }

    fn read(path: &Path, text: &str) -> anyhow::Result<Self> {
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        ensure!(
            mode & 0o077 == 0,
            "{} is open to others (mode {mode:o}): chmod 600 {0}",
            path.display()
        );
        let value = |name: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found
                .filter(|value| !value.is_empty())
                .map(SecretString::from)
                .with_context(|| format!("{} has no line {name}=...", path.display()))
        };
        Ok(Self {
            local_auth_token: value("LOCAL_AUTH_TOKEN")?,
            mesh_secret: value("MC_MESH_SECRET")?,
            seal_key: value("MC_SEAL_KEY")?,
        })
    }

    fn to_text(&self) -> SecretString {
        format!(
            "# Made by Mission Control on its first start. Whoever reads this can do everything.\n\
             LOCAL_AUTH_TOKEN={}\nMC_MESH_SECRET={}\nMC_SEAL_KEY={}\n",
            self.local_auth_token.expose_secret(),
            self.mesh_secret.expose_secret(),
            self.seal_key.expose_secret(),
        )
        .into()
    }
}

fn hex(bytes: [u8; 32]) -> SecretString {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.into()
}

/// Puts the file there complete, unless another process was faster.
fn publish(dir: &Path, path: &Path, text: &SecretString) -> anyhow::Result<()> {
    let draft = dir.join(format!(
        ".secrets.{}.{:08x}",
        std::process::id(),
        rand::random::<u32>()
    ));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.expose_secret().as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces what is there.
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    let removed = fs::remove_file(&draft);
    written
        .and(removed)
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_stay_the_same_and_are_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let first = Secrets::load_or_create(&data).unwrap();
        let second = Secrets::load_or_create(&data).unwrap();
        assert_eq!(
            first.to_text().expose_secret(),
            second.to_text().expose_secret()
        );
        assert_eq!(first.local_auth_token.expose_secret().len(), 64);
        assert_ne!(
            first.local_auth_token.expose_secret(),
            first.seal_key.expose_secret()
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join("secrets.env")), 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn processes_that_start_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| Secrets::load_or_create(dir.path()).unwrap().to_text()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap().expose_secret().to_owned())
                .collect()
        });
        assert!(all.iter().all(|text| *text == all[0]));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::load_or_create(dir.path()).unwrap();
        let path = dir.path().join("secrets.env");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Secrets::load_or_create(dir.path()).unwrap_err();
        assert!(
            error.to_string().contains("is open to others (mode 644)"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_one_of_the_secrets_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::load_or_create(dir.path()).unwrap();
        let path = dir.path().join("secrets.env");
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace("MC_SEAL_KEY=", "OTHER=");
        fs::write(&path, text).unwrap();
        let error = Secrets::load_or_create(dir.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("has no line MC_SEAL_KEY=..."),
            "{error}"
        );
    }
}
