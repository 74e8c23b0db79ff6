//! Whose token is this? Found by its id with one indexed read; its hash is compared once and the answer remembered.
//!
//! What is remembered is which stored hash a token matched, never that it is valid: every call reads the agent's present
//! hashes, so a token ends in every process at the moment at which its hash is gone.

use std::{sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::{
    agent::Agent, error::Error, store, store::tokens::Credential, token::Token, wire::event,
};

/// Tokens remembered at most, and for how long after their last use.
const REMEMBERED: u64 = 50_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);
/// Comparisons at once: each occupies a core for tens of milliseconds, and strangers can cause them.
const COMPARISONS: usize = 2;

/// Tells whose token it is.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    pool: PgPool,
    clock: chassis::Clock,
    /// By the SHA-256 of a token: the stored hash that it matched.
    matched: moka::future::Cache<[u8; 32], Arc<str>>,
    comparisons: Arc<Semaphore>,
}

impl Doorkeeper {
    pub(crate) fn new(pool: PgPool, clock: chassis::Clock) -> Self {
        let matched = moka::future::Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_idle(REMEMBERED_FOR)
            .build();
        Self {
            pool,
            clock,
            matched,
            comparisons: Arc::new(Semaphore::new(COMPARISONS)),
        }
    }

    /// The agent whose token a text is.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] for anything that is not a valid token of an agent of ours.
    pub(crate) async fn admit(&self, text: &str) -> Result<Agent, Error> {
        let token = Token::parse(text).ok_or(Error::TokenInvalid)?;
        let mut conn = self.pool.acquire().await?;
        let credential = store::tokens::find(&mut conn, token.agent_id)
            .await?
            .ok_or(Error::TokenInvalid)?;
        drop(conn);
        let digest: [u8; 32] = Sha256::digest(text).into();
        let remembered = self
            .matched
            .get(&digest)
            .await
            .filter(|hash| credential.holds(hash));
        let hash = match remembered {
            Some(hash) => hash,
            None => self.compare(token, &credential, digest).await?,
        };
        if credential.next_hash.as_deref() == Some(&*hash) {
            self.promote(&credential.agent, &hash).await?;
        }
        Ok(credential.agent)
    }

    async fn compare(
        &self,
        token: Token,
        credential: &Credential,
        digest: [u8; 32],
    ) -> Result<Arc<str>, Error> {
        let agent_id = credential.agent.id;
        let failed = |source| Error::Hashing { agent_id, source };
        let hashes: Vec<String> = credential.hashes().map(str::to_owned).collect();
        let _permit = self
            .comparisons
            .acquire()
            .await
            .map_err(|closed| failed(closed.into()))?;
        let compared = tokio::task::spawn_blocking(move || {
            hashes.into_iter().find(|hash| token.matches(hash))
        });
        let hash: Arc<str> = compared
            .await
            .map_err(|panic| failed(panic.into()))?
            .ok_or(Error::TokenInvalid)?
            .into();
        self.matched.insert(digest, Arc::clone(&hash)).await;
        Ok(hash)
    }

    /// The first use of the next token ends the one before it.
    async fn promote(&self, agent: &Agent, hash: &str) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        if store::tokens::promote(&mut tx, agent.id, hash).await? == Some(true) {
            bus::outbox::append(&mut tx, event::agent_token_changed(agent, self.clock.now()))
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

impl Credential {
    fn hashes(&self) -> impl Iterator<Item = &str> {
        [&self.next_hash, &self.current_hash]
            .into_iter()
            .filter_map(|hash| hash.as_deref())
    }

    fn holds(&self, hash: &str) -> bool {
        self.hashes().any(|held| held == hash)
    }
}
