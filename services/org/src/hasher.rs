//! Hashing of tokens, off the threads of the runtime and never much of it at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    error::{Error, Result},
    token::Token,
};

/// Hashes at once: each occupies a core for tens of milliseconds, and strangers can cause them.
const AT_ONCE: usize = 2;

/// Makes and compares the hashes of tokens.
#[derive(Clone)]
pub(crate) struct Hasher(Arc<Semaphore>);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// The hash to store of a token.
    pub(crate) async fn hash(&self, token: &Token) -> Result<String> {
        let token = token.clone();
        self.work(move || token.hash())
            .await?
            .map_err(|failed| Error::Hashing(failed.into()))
    }

    /// Whether a stored hash is of this token.
    pub(crate) async fn matches(&self, token: &Token, hash: &str) -> Result<bool> {
        let (token, hash) = (token.clone(), hash.to_owned());
        self.work(move || token.matches(&hash)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        // The permit goes along: a caller that gives up does not make the work end.
        let permit = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .map_err(|closed| Error::Hashing(closed.into()))?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|panic| Error::Hashing(panic.into()))
    }
}
