//! The signature that callers travel under inside the mesh.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::Caller;

/// Metadata key of the signed caller.
pub const CALLER_HEADER: &str = "x-mission-caller";

/// Seconds for which a signature holds: longer than any hop takes, too short to be worth stealing.
const LIFETIME_SECONDS: u64 = 60;

/// Signs and verifies callers (HS256, audience `mesh`).
#[derive(Clone)]
pub struct Keyring(Arc<Keys>);

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    caller: Caller,
}

impl Keyring {
    /// A keyring over the secret that all processes of the mesh share.
    pub fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&["mesh"]);
        validation.leeway = 5;
        Self(Arc::new(Keys {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            validation,
        }))
    }

    /// Signs a caller for the next minute.
    pub fn sign(&self, caller: &Caller) -> String {
        #[expect(
            clippy::disallowed_methods,
            reason = "a signature expires by the machine's clock, which its verifier reads too"
        )]
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let claims = Claims {
            aud: "mesh".into(),
            exp: now + LIFETIME_SECONDS,
            caller: caller.clone(),
        };
        jsonwebtoken::encode(&Header::default(), &claims, &self.0.encoding)
            .expect("claims of plain strings and numbers always encode")
    }

    /// The caller that a signature vouches for; `None` when it is forged, stale or not for the mesh.
    pub fn verify(&self, token: &str) -> Option<Caller> {
        jsonwebtoken::decode::<Claims>(token, &self.0.decoding, &self.0.validation)
            .ok()
            .map(|data| data.claims.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_signature_is_believed() {
        let ours = Keyring::new(&SecretString::from("a".repeat(32)));
        let theirs = Keyring::new(&SecretString::from("b".repeat(32)));
        let caller = Caller::Internal {
            service: "board".into(),
        };
        assert_eq!(ours.verify(&ours.sign(&caller)), Some(caller.clone()));
        assert_eq!(ours.verify(&theirs.sign(&caller)), None);
        assert_eq!(ours.verify("nonsense"), None);
    }
}
