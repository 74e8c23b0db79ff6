//! Device identities: who signed the challenge.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// What a client signs, and with what.
pub(crate) struct Claim<'a> {
    pub id: &'a str,
    pub public_key: &'a str,
    pub signature: &'a str,
    pub signed_at: i64,
    pub nonce: &'a str,
    pub client_id: &'a str,
    pub client_mode: &'a str,
    pub role: &'a str,
    pub scopes: Vec<&'a str>,
    pub token: &'a str,
}

/// Why a claim does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    Identity,
    Expired,
    Nonce,
    Signature,
}

impl Claim<'_> {
    /// Checks the identity, the age, the nonce and the `v2` signature, in the gateway's order.
    pub(crate) fn verify(&self, nonce: &str, now_ms: i64, skew_ms: i64) -> Result<(), Doubt> {
        let key = decode::<32>(self.public_key).ok_or(Doubt::Identity)?;
        if hex::encode(Sha256::digest(key)) != self.id {
            return Err(Doubt::Identity);
        }
        if (now_ms - self.signed_at).abs() > skew_ms {
            return Err(Doubt::Expired);
        }
        if self.nonce != nonce {
            return Err(Doubt::Nonce);
        }
        let key = VerifyingKey::from_bytes(&key).map_err(|_| Doubt::Identity)?;
        let signature = decode::<64>(self.signature).ok_or(Doubt::Signature)?;
        key.verify_strict(
            self.signed_text().as_bytes(),
            &Signature::from_bytes(&signature),
        )
        .map_err(|_| Doubt::Signature)
    }

    fn signed_text(&self) -> String {
        let scopes = self.scopes.join(",");
        let signed_at = self.signed_at.to_string();
        [
            "v2",
            self.id,
            self.client_id,
            self.client_mode,
            self.role,
            &scopes,
            &signed_at,
            self.token,
            self.nonce,
        ]
        .join("|")
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
