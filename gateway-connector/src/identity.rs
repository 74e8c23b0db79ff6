//! The device key by which gateways know this installation.

mod file;
mod kept;

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Config;

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

    /// What gateways know it by.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The key of the first identity file that the options name and that is there.
    pub(crate) fn of_files(config: &Config) -> Result<Option<Self>> {
        if let Some(path) = &config.openclaw_gateway_device_identity_path {
            let found = file::read(path)?.with_context(|| {
                format!(
                    "OPENCLAW_GATEWAY_DEVICE_IDENTITY_PATH names {}, which does not exist",
                    path.display()
                )
            })?;
            return Ok(Some(found));
        }
        match &config.device_identity_file {
            Some(path) => file::read(path),
            None => Ok(None),
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
}
