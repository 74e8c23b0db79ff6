//! Whose API token is this? Found by its id with one indexed read; its hash is compared once and the answer remembered.
//!
//! What is remembered is which stored hash a token matched, never that it is valid: every call reads the row and the
//! membership, so a token ends in every process at the moment at which either is gone.

use std::{sync::Arc, time::Duration};

use chassis::Clock;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::{
    api_token,
    error::{Error, Result},
    hasher::Hasher,
    identity::Identity,
    store::identities::{self, Held},
    token::Token,
    usage::Usage,
};

/// Tokens remembered at most, and for how long after their last use.
const REMEMBERED: u64 = 50_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);
/// How long others may go without asking again: uses are kept to the minute.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(1);

/// Tells whose API token it is.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    pool: PgPool,
    clock: Clock,
    hasher: Hasher,
    usage: Usage,
    /// By the SHA-256 of a token: the stored hash that it matched.
    matched: moka::future::Cache<[u8; 32], Arc<str>>,
}

impl Doorkeeper {
    pub(crate) fn new(pool: PgPool, clock: Clock, hasher: Hasher, usage: Usage) -> Self {
        let matched = moka::future::Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_idle(REMEMBERED_FOR)
            .build();
        Self {
            pool,
            clock,
            hasher,
            usage,
            matched,
        }
    }

    /// The person whose token it is, in the organization that it is bound to.
    ///
    /// # Errors
    /// [`Error::CredentialInvalid`] for a token that is unknown, revoked or expired, and for one whose bearer is no member
    /// of its organization any more.
    pub(crate) async fn admit(&self, token: &Token) -> Result<Identity> {
        let mut conn = self.pool.acquire().await?;
        let held = identities::find_by_token(&mut conn, token.id)
            .await?
            .ok_or(Error::CredentialInvalid)?;
        drop(conn);
        let now = self.clock.now();
        if held.expires_at.is_some_and(|end| end <= now) || !self.is_of(token, &held).await? {
            return Err(Error::CredentialInvalid);
        }
        let minute = api_token::minute(now);
        if held.last_used_at.is_none_or(|last| last < minute) {
            self.usage.note(token.id, minute);
        }
        let until = now + GOOD_FOR;
        Ok(Identity {
            good_until: Some(held.expires_at.map_or(until, |end| end.min(until))),
            ..held.identity
        })
    }

    async fn is_of(&self, token: &Token, held: &Held) -> Result<bool> {
        let digest: [u8; 32] = Sha256::digest(token.reveal()).into();
        if let Some(hash) = self.matched.get(&digest).await
            && *hash == *held.hash
        {
            return Ok(true);
        }
        let matches = self.hasher.matches(token, &held.hash).await?;
        if matches {
            self.matched.insert(digest, held.hash.as_str().into()).await;
        }
        Ok(matches)
    }
}
