//! Background work that is done again and again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// One piece of it: whatever is due is done, or left to the next round.
pub trait Round: Send + Sync + 'static {
    /// Does what is due. A round that is under way when the process stops is dropped.
    fn round(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Round after round until the token is cancelled. One that fails is logged.
pub(crate) async fn run(
    name: &'static str,
    pause: Duration,
    work: impl Round,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let round = async {
            if let Err(error) = work.round().await {
                tracing::warn!(task = name, error = %format!("{error:#}"), "what was due is left to the next round");
            }
            tokio::time::sleep(pause).await;
        };
        if stop.run_until_cancelled(round).await.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    struct Failing(Arc<AtomicUsize>, CancellationToken);

    impl Round for Failing {
        async fn round(&self) -> anyhow::Result<()> {
            if self.0.fetch_add(1, Ordering::Relaxed) == 2 {
                self.1.cancel();
            }
            anyhow::bail!("no database")
        }
    }

    #[tokio::test]
    async fn a_round_that_fails_is_followed_by_another_until_the_end() {
        let (rounds, stop) = (Arc::default(), CancellationToken::new());
        let work = Failing(Arc::clone(&rounds), stop.clone());
        run("test", Duration::from_millis(1), work, stop)
            .await
            .unwrap();
        assert_eq!(rounds.load(Ordering::Relaxed), 3);
    }
}
