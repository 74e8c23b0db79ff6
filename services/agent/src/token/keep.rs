//! Minting tokens, and keeping them so that files can be written again.

use anyhow::{Context, anyhow};
use chassis::Seal;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::Token;

/// A new token as it is stored.
#[derive(Debug)]
pub(crate) struct Minted {
    pub hash: String,
    pub sealed: Vec<u8>,
}

/// Where the seal of an agent's token belongs.
fn context(agent_id: Uuid) -> String {
    format!("agent_token/{agent_id}")
}

/// A token out of fresh randomness.
///
/// # Errors
/// Fails when it cannot be hashed.
pub(crate) async fn mint(seal: &Seal, agent_id: Uuid) -> anyhow::Result<Minted> {
    let token = Token::new(agent_id, rand::random());
    let sealed = seal.close(
        token.reveal().expose_secret().as_bytes(),
        &context(agent_id),
    );
    let hash = tokio::task::spawn_blocking(move || token.hash())
        .await
        .context("hashing a token")??;
    Ok(Minted { hash, sealed })
}

/// The text of a token that was kept.
///
/// # Errors
/// Fails when it does not open with this installation's key.
pub(crate) fn open(seal: &Seal, agent_id: Uuid, sealed: &[u8]) -> anyhow::Result<SecretString> {
    let opened = seal.open(sealed, &context(agent_id));
    let bytes = opened.map_err(|broken| anyhow!(broken).context("a token that was kept"))?;
    let text = String::from_utf8(bytes).context("a token that was kept")?;
    Ok(text.into())
}
