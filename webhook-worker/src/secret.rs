//! What deliveries are signed with, after Standard Webhooks 1.0.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// The signing secret of an endpoint. Has no `Debug`: it is shown once, on purpose.
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads back what was sealed; `None` when it is not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The form in which receivers keep it.
    pub(crate) fn reveal(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The `webhook-signature` of a body; `timestamp` in seconds.
    pub(crate) fn sign(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What the sealed secret of an endpoint is bound to.
pub(crate) fn context(endpoint_id: Uuid) -> String {
    format!("webhook_endpoint/{endpoint_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_32_bytes_and_never_the_same() {
        let (one, other) = (Secret::generate(), Secret::generate());
        assert_ne!(one.reveal(), other.reveal());
        let text = one.reveal();
        let bytes = STANDARD
            .decode(text.strip_prefix("whsec_").unwrap())
            .unwrap();
        assert_eq!(Secret::from_bytes(&bytes).unwrap().reveal(), text);
        assert!(Secret::from_bytes(&bytes[1..]).is_none());
    }

    #[test]
    fn a_signature_covers_id_time_and_body() {
        let secret = Secret([7; 32]);
        let id = Uuid::from_u128(1);
        let signed = secret.sign(id, 1, "{}");
        // Computed with another implementation.
        assert_eq!(signed, "v1,lQlcIoESdWitAunQAawiYfZBSCatqpth/lLt948l87w=");
        assert_ne!(signed, secret.sign(Uuid::from_u128(2), 1, "{}"));
        assert_ne!(signed, secret.sign(id, 2, "{}"));
        assert_ne!(signed, secret.sign(id, 1, "{ }"));
    }
}
