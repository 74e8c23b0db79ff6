//! The local token: the one credential of a product that runs for one person.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Shortest token that is accepted, in characters: 50 of base64url carry about 300 bits.
const MIN_CHARS: usize = 50;
/// Longest token that is accepted, in characters: it has to fit into a request header.
const MAX_CHARS: usize = 1_000;
/// Words of example files. A token that contains one was never chosen.
const PLACEHOLDERS: [&str; 4] = [
    "change-me",
    "changeme",
    "replace-me",
    "replace-with-strong-random-token",
];

/// A local token that was found good enough, reduced to what comparing needs.
#[derive(Clone)]
pub(crate) struct LocalToken {
    digest: [u8; 32],
}

/// Why a text cannot be the local token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "LOCAL_AUTH_TOKEN holds the placeholder `{0}`; generate a random token of at least 50 characters"
    )]
    Placeholder(&'static str),
    #[error("LOCAL_AUTH_TOKEN has {0} characters; it needs at least {MIN_CHARS}")]
    TooShort(usize),
    #[error("LOCAL_AUTH_TOKEN has {0} characters; it may have at most {MAX_CHARS}")]
    TooLong(usize),
    #[error("LOCAL_AUTH_TOKEN may hold visible ASCII characters only: it travels in a header")]
    NotVisibleAscii,
}

impl LocalToken {
    /// Accepts a configured token, blanks around it aside.
    pub(crate) fn parse(secret: &SecretString) -> Result<Self, Refusal> {
        let token = secret.expose_secret().trim();
        let lower = token.to_ascii_lowercase();
        if let Some(word) = PLACEHOLDERS
            .into_iter()
            .rev()
            .find(|word| lower.contains(word))
        {
            return Err(Refusal::Placeholder(word));
        }
        match token.chars().count() {
            short if short < MIN_CHARS => return Err(Refusal::TooShort(short)),
            long if long > MAX_CHARS => return Err(Refusal::TooLong(long)),
            _ => {}
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::NotVisibleAscii);
        }
        Ok(Self {
            digest: digest(token),
        })
    }

    /// Whether somebody presented this token. Takes the same time however much of it is right.
    pub(crate) fn is(&self, presented: &str) -> bool {
        let presented = presented.trim();
        presented.len() <= MAX_CHARS && bool::from(self.digest.ct_eq(&digest(presented)))
    }
}

impl fmt::Debug for LocalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalToken([redacted])")
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(token: &str) -> Result<LocalToken, Refusal> {
        LocalToken::parse(&SecretString::from(token.to_owned()))
    }

    #[test]
    fn a_long_random_token_is_accepted_and_compared_without_its_blanks() {
        let token = parse(&format!("  {}\n", "a1".repeat(25))).unwrap();
        assert!(token.is(&"a1".repeat(25)));
        assert!(token.is(&format!(" {} ", "a1".repeat(25))));
        assert!(!token.is(&"a1".repeat(26)));
        assert!(!token.is(&"a1".repeat(24)));
        assert!(!token.is(&format!("{}\0", "a1".repeat(25))));
        assert!(!token.is(""));
    }

    #[test]
    fn a_token_nobody_chose_is_refused() {
        assert_eq!(parse("").unwrap_err(), Refusal::TooShort(0));
        assert_eq!(parse(&"x".repeat(49)).unwrap_err(), Refusal::TooShort(49));
        assert_eq!(
            parse(&format!("{}   ", "x".repeat(49))).unwrap_err(),
            Refusal::TooShort(49)
        );
        assert_eq!(
            parse(&"x".repeat(1_001)).unwrap_err(),
            Refusal::TooLong(1_001)
        );
        for word in PLACEHOLDERS {
            assert_eq!(parse(word).unwrap_err(), Refusal::Placeholder(word));
            let padded = format!("{}{}", word.to_uppercase(), "x".repeat(50));
            assert_eq!(parse(&padded).unwrap_err(), Refusal::Placeholder(word));
        }
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused() {
        assert_eq!(
            parse(&"é".repeat(50)).unwrap_err(),
            Refusal::NotVisibleAscii
        );
        assert_eq!(
            parse(&format!("{} b", "a".repeat(50))).unwrap_err(),
            Refusal::NotVisibleAscii
        );
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = parse(&"s3cret".repeat(10)).unwrap();
        assert_eq!(format!("{token:?}"), "LocalToken([redacted])");
    }
}
