//! Secrets at rest: AES-256-GCM under the installation's key, bound to the row they belong to.

use std::sync::Arc;

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};

/// First byte of a sealed value, so that the format can change one day.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// Closes and opens secrets.
#[derive(Clone)]
pub struct Seal(Arc<Aes256Gcm>);

/// A sealed value that does not open: another key, another row, or damage.
#[derive(Debug, thiserror::Error)]
#[error("the sealed value does not open with this key and context")]
pub struct Broken;

impl Seal {
    /// A seal under a key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new(Aes256Gcm::new(key.into())))
    }

    /// Closes a secret. `context` says where it belongs (table and id) and must be the same on opening.
    pub fn close(&self, secret: &[u8], context: &str) -> Vec<u8> {
        let nonce: [u8; NONCE_LENGTH] = rand::random();
        let sealed = self
            .0
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: secret,
                    aad: context.as_bytes(),
                },
            )
            .expect("a secret is far shorter than the cipher's limit");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Seal::close`] closed.
    pub fn open(&self, sealed: &[u8], context: &str) -> Result<Vec<u8>, Broken> {
        let (version, rest) = sealed.split_first().ok_or(Broken)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LENGTH).ok_or(Broken)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().map_err(|_| Broken)?;
        if *version != VERSION {
            return Err(Broken);
        }
        self.0
            .decrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: body,
                    aad: context.as_bytes(),
                },
            )
            .map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_where_it_belongs() {
        let seal = Seal::new(&[7; 32]);
        let closed = seal.close(b"token", "gateway/1");
        assert_eq!(seal.open(&closed, "gateway/1").unwrap(), b"token");
        assert!(seal.open(&closed, "gateway/2").is_err());
        assert!(Seal::new(&[8; 32]).open(&closed, "gateway/1").is_err());
        assert!(seal.open(b"", "gateway/1").is_err());
    }
}
