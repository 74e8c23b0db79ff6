//! Credentials that this service makes: `<prefix><id>_<secret>`. Found by the id, judged by a hash of the secret.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// 32 random bytes in base64url without padding.
const SECRET_LENGTH: usize = 43;
/// Longest text that can be a token, with room for blanks around it.
pub(crate) const TEXT_MAX: usize = 200;
/// 2^10 rounds, about 60 ms. The secret has 256 random bits, so the cost only has to make a stolen table dull.
const COST: u32 = 10;

/// What a token is for. The prefix says it when one leaks into a log or a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Joins an organization, once.
    Invite,
    /// Stands for a person in one organization.
    Api,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Invite => "mci_",
            Self::Api => "mcp_",
        }
    }
}

/// A token in the clear. Never logged: its `Debug` hides the secret.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    kind: Kind,
    pub id: Uuid,
    secret: SecretString,
}

impl Token {
    /// A token out of fresh randomness.
    pub(crate) fn new(kind: Kind, id: Uuid, random: [u8; 32]) -> Self {
        Self {
            kind,
            id,
            secret: BASE64_URL_SAFE_NO_PAD.encode(random).into(),
        }
    }

    /// The token that a text is, blanks around it aside, if it has the form of one.
    pub(crate) fn parse(kind: Kind, text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (id, secret) = text.trim().strip_prefix(kind.prefix())?.split_once('_')?;
        let well_formed = id.len() == 32
            && id
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && secret.len() == SECRET_LENGTH
            && secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let id = Uuid::try_parse(id).ok().filter(|_| well_formed)?;
        Some(Self {
            kind,
            id,
            secret: secret.into(),
        })
    }

    /// The text that its bearer is shown, once.
    pub(crate) fn reveal(&self) -> String {
        let (prefix, id) = (self.kind.prefix(), self.id.simple());
        format!("{prefix}{id}_{}", self.secret.expose_secret())
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
        Token::new(Kind::Api, Uuid::from_u128(0xabc), [7; 32])
    }

    #[test]
    fn a_token_survives_its_text() {
        let text = token().reveal();
        assert_eq!(text.len(), 80);
        assert!(text.starts_with("mcp_00000000000000000000000000000abc_"));
        let parsed = Token::parse(Kind::Api, &format!(" {text}\n")).unwrap();
        assert_eq!((parsed.id, parsed.reveal()), (Uuid::from_u128(0xabc), text));
    }

    #[test]
    fn only_its_own_hash_matches() {
        let hash = token().hash().unwrap();
        assert!(token().matches(&hash));
        assert!(!Token::new(Kind::Api, token().id, [8; 32]).matches(&hash));
        assert!(!token().matches("not a hash"));
    }

    #[test]
    fn what_is_not_a_token_is_none() {
        let text = token().reveal();
        assert!(Token::parse(Kind::Invite, &text).is_none());
        for bad in [
            String::new(),
            "mcp_".into(),
            text.replace("mcp_", "mca_"),
            text.replace("abc", "ABC"),
            format!("{text}A"),
            text[..79].to_owned(),
            text.replace("mcp_00", "mcp_0-"),
            format!("{}\0", &text[..79]),
            format!("{}{text}", " ".repeat(200)),
        ] {
            assert!(Token::parse(Kind::Api, &bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let text = token().reveal();
        let secret = &text[text.len() - SECRET_LENGTH..];
        assert!(!format!("{:?}", token()).contains(secret));
    }
}
