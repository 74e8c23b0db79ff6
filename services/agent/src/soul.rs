//! The character of agents: what each was given, and where characters can be found.

pub(crate) mod config;
pub(crate) mod directory;
pub(crate) mod history;
pub(crate) mod role;
pub(crate) mod sitemap;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::workspace;

/// Name of the file.
pub(crate) const FILE: &str = "SOUL.md";
/// Characters of a soul.
pub(crate) const MAX: usize = workspace::GIVEN;

/// A soul that an agent was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub content: String,
    /// Hex SHA-256 of the content.
    pub content_sha256: String,
    pub source_url: Option<String>,
    pub reason: Option<String>,
    pub author_name: String,
    pub created_at: DateTime<Utc>,
}

/// Hex SHA-256 of a content.
pub(crate) fn digest(content: &str) -> String {
    let bytes = Sha256::digest(content);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_text() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), abc);
    }
}
