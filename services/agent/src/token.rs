//! The credential of an agent: `mca_<agent id>_<secret>`. Found by the id, judged by a hash of the secret.

pub(crate) mod keep;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// Says whose token it is when one leaks into a log or a repository.
const PREFIX: &str = "mca_";
/// 32 random bytes in base64url without padding.
const SECRET_LENGTH: usize = 43;
/// 2^10 rounds, about 60 ms. The secret has 256 random bits, so the cost only has to make a stolen table dull; each token
/// is verified once and then remembered.
const COST: u32 = 10;

/// A token in the clear. Never logged: its `Debug` hides the secret.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub agent_id: Uuid,
    secret: SecretString,
}

impl Token {
    /// A token out of fresh randomness.
    pub(crate) fn new(agent_id: Uuid, random: [u8; 32]) -> Self {
        Self {
            agent_id,
            secret: URL_SAFE_NO_PAD.encode(random).into(),
        }
    }

    /// The token that a text is, if it has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let well_formed = id.len() == 32
            && id
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && secret.len() == SECRET_LENGTH
            && secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let agent_id = Uuid::try_parse(id).ok().filter(|_| well_formed)?;
        Some(Self {
            agent_id,
            secret: secret.into(),
        })
    }

    /// The text that goes into the agent's workspace.
    pub(crate) fn reveal(&self) -> SecretString {
        format!(
            "{PREFIX}{}_{}",
            self.agent_id.simple(),
            self.secret.expose_secret()
        )
        .into()
    }

    /// The hash to store. Takes tens of milliseconds: not for a thread of the runtime.
    pub(crate) fn hash(&self) -> Result<String, bcrypt::BcryptError> {
        bcrypt::non_truncating_hash(self.secret.expose_secret(), COST)
    }

    /// Whether a stored hash is of this token. Takes tens of milliseconds: not for a thread of the runtime.
    pub(crate) fn matches(&self, hash: &str) -> bool {
        bcrypt::non_truncating_verify(self.secret.expose_secret(), hash).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::new(Uuid::from_u128(0xabc), [7; 32])
    }

    #[test]
    fn a_token_survives_its_text() {
        let text = token().reveal();
        let text = text.expose_secret();
        assert_eq!(text.len(), 80);
        assert!(text.starts_with("mca_00000000000000000000000000000abc_"));
        let parsed = Token::parse(text).unwrap();
        assert_eq!(
            (parsed.agent_id, parsed.reveal().expose_secret()),
            (Uuid::from_u128(0xabc), text)
        );
    }

    #[test]
    fn only_its_own_hash_matches() {
        let hash = token().hash().unwrap();
        assert!(token().matches(&hash));
        assert!(!Token::new(token().agent_id, [8; 32]).matches(&hash));
        assert!(!token().matches("not a hash"));
    }

    #[test]
    fn what_is_not_a_token_is_none() {
        let text = token().reveal().expose_secret().to_owned();
        for bad in [
            String::new(),
            "mca_".into(),
            text.replace("mca_", "mcu_"),
            text.replace("abc", "ABC"),
            format!("{text}A"),
            text[..79].to_owned(),
            text.replace("mca_00", "mca_0-"),
            format!("{}\0", &text[..79]),
        ] {
            assert!(Token::parse(&bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let text = token().reveal();
        let secret = text.expose_secret().rsplit('_').next().unwrap().to_owned();
        assert!(!format!("{:?}", token()).contains(&secret));
    }
}
