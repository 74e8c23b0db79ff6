//! Device keys in files: where installations had theirs before the database, and where OpenClaw's own clients have it.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

use super::Identity;

/// Reads the key in a file; `None` when there is no such file.
///
/// # Errors
/// A file that is there and cannot be read is an error: without its key every approval that gateways gave would be lost.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Identity>> {
    let place = || format!("the device identity file {}", path.display());
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).with_context(place).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(place),
    }
}

/// The two forms that there are: the key itself, or PKCS #8.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Own {
        version: u8,
        device_id: String,
        private_key: String,
    },
    #[serde(rename_all = "camelCase")]
    OpenClaw {
        version: u8,
        device_id: String,
        private_key_pem: String,
    },
}

fn parse(text: &str) -> anyhow::Result<Identity> {
    let stored: Stored = serde_json::from_str(text)
        .ok()
        .context("is not a device identity")?;
    let (version, id, seed) = match stored {
        Stored::Own {
            version,
            device_id,
            private_key,
        } => (version, device_id, raw(&private_key)),
        Stored::OpenClaw {
            version,
            device_id,
            private_key_pem,
        } => (version, device_id, pkcs8(&private_key_pem)),
    };
    ensure!(version == 1, "has the unknown version {version}");
    let identity = Identity::from_seed(seed.context("holds no Ed25519 key")?);
    if !identity.id.eq_ignore_ascii_case(&id) {
        bail!("its id is not that of its key");
    }
    Ok(identity)
}

fn raw(text: &str) -> Option<[u8; 32]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

/// The key in an unencrypted PKCS #8 document. Ed25519 keys are all of one shape there (RFC 8410): the algorithm's
/// identifier, then the key as an octet string in an octet string, then perhaps the public key.
fn pkcs8(pem: &str) -> Option<[u8; 32]> {
    const ALGORITHM: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    const KEY: [u8; 4] = [0x04, 0x22, 0x04, 0x20];
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PRIVATE KEY-----")?
        .strip_suffix("-----END PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let document = BASE64_STANDARD.decode(body).ok()?;
    // A sequence and its length, a version and its length, then the algorithm.
    let rest = document.get(5..)?.strip_prefix(&ALGORITHM)?;
    let rest = rest.strip_prefix(&KEY)?;
    rest.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As `generateKeyPairSync("ed25519")` exports it, with the id that OpenClaw derives.
    const OPENCLAW: &str = include_str!("../../tests/device.json");

    #[test]
    fn both_forms_are_read() {
        let theirs = parse(OPENCLAW).unwrap();
        let written: serde_json::Value = serde_json::from_str(OPENCLAW).unwrap();
        assert_eq!(theirs.id, written["deviceId"]);
        let ours = json!({
            "version": 1, "device_id": theirs.id, "private_key": BASE64_STANDARD.encode(theirs.seed()),
        });
        assert_eq!(parse(&ours.to_string()).unwrap().id, theirs.id);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_an_absent_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.json");
        assert!(read(&path).unwrap().is_none());
        let other = OPENCLAW.replace("\"version\": 1", "\"version\": 2");
        let wrong_id = {
            let mut stored: serde_json::Value = serde_json::from_str(OPENCLAW).unwrap();
            stored["deviceId"] = "0".repeat(64).into();
            stored.to_string()
        };
        let cut = OPENCLAW.replace("BEGIN PRIVATE", "BEGIN");
        for text in ["", "{}", "{\"version\": 1}", &other, &wrong_id, &cut] {
            fs::write(&path, text).unwrap();
            let error = format!("{:#}", read(&path).err().unwrap());
            assert!(error.contains("device.json"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
