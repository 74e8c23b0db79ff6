//! The device key by which gateways know this installation.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::{Context, ensure};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An Ed25519 key and the id that gateways derive from it.
pub(crate) struct Identity {
    key: SigningKey,
    id: String,
}

/// What a signature covers, besides the device itself.
pub(crate) struct Signed<'a> {
    pub client_id: &'a str,
    pub client_mode: &'a str,
    pub role: &'a str,
    pub scopes: &'a [&'a str],
    pub token: Option<&'a str>,
    pub nonce: &'a str,
    /// The challenge's own time, so that a clock that is wrong cannot matter.
    pub signed_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    device_id: String,
    private_key: String,
}

impl Identity {
    /// A key that lives as long as the process.
    pub(crate) fn ephemeral() -> Self {
        Self::from_seed(rand::random())
    }

    fn from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let id = hex::encode(Sha256::digest(key.verifying_key().as_bytes()));
        Self { key, id }
    }

    /// The key in a file, made when there is none. A file that cannot be read is an error: a new key would silently lose every
    /// approval that gateways gave to the old one.
    pub(crate) fn kept_in(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("device identity file {}", path.display());
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).with_context(place),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self::create(path).with_context(place)?;
                // Another process may have been faster: what the file says counts.
                Self::parse(&fs::read_to_string(path).with_context(place)?).with_context(place)
            }
            Err(error) => Err(error).with_context(place),
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let stored: Stored = serde_json::from_str(text).context("is not a device identity")?;
        ensure!(
            stored.version == 1,
            "has the unknown version {}",
            stored.version
        );
        let seed = BASE64_STANDARD
            .decode(&stored.private_key)
            .ok()
            .and_then(|seed| seed.try_into().ok());
        let identity = Self::from_seed(seed.context("holds no key of 32 bytes")?);
        ensure!(
            identity.id == stored.device_id,
            "its id is not that of its key"
        );
        Ok(identity)
    }

    fn create(path: &Path) -> anyhow::Result<()> {
        let identity = Self::ephemeral();
        let stored = Stored {
            version: 1,
            device_id: identity.id.clone(),
            private_key: BASE64_STANDARD.encode(identity.key.to_bytes()),
        };
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let draft = path.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
        let mut file = private_file(&draft)?;
        file.write_all(serde_json::to_string_pretty(&stored)?.as_bytes())?;
        file.sync_all()?;
        // A link appears whole or not at all, and never replaces a key that is there.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The `device` of a `connect`, signed over the challenge (scheme v2, which every gateway takes).
    pub(crate) fn claim(&self, signed: &Signed<'_>) -> Value {
        let text = self.signed_text(signed);
        json!({
            "id": self.id,
            "publicKey": BASE64_URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()),
            "signature": BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).to_bytes()),
            "signedAt": signed.signed_at_ms,
            "nonce": signed.nonce,
        })
    }

    fn signed_text(&self, signed: &Signed<'_>) -> String {
        let scopes = signed.scopes.join(",");
        let signed_at = signed.signed_at_ms.to_string();
        [
            "v2",
            &self.id,
            signed.client_id,
            signed.client_mode,
            signed.role,
            &scopes,
            &signed_at,
            signed.token.unwrap_or_default(),
            signed.nonce,
        ]
        .join("|")
    }
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_that_of_scheme_v2() {
        let identity = Identity::from_seed([1; 32]);
        let text = identity.signed_text(&Signed {
            client_id: "gateway-client",
            client_mode: "backend",
            role: "operator",
            scopes: &["operator.read", "operator.admin"],
            token: None,
            nonce: "n",
            signed_at_ms: 5,
        });
        let id = &identity.id;
        assert_eq!(
            text,
            format!("v2|{id}|gateway-client|backend|operator|operator.read,operator.admin|5||n")
        );
    }

    #[test]
    fn a_kept_key_stays_the_same_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/device.json");
        let first = Identity::kept_in(&path).unwrap();
        assert_eq!(Identity::kept_in(&path).unwrap().id, first.id);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.json");
        fs::write(&path, "{}").unwrap();
        assert!(Identity::kept_in(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    }
}
