//! Rounds of calls, and what they amount to.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

/// Latencies of all rounds of one thing.
#[derive(Default)]
pub(crate) struct Figures {
    latencies: Vec<Duration>,
    spent: Duration,
}

impl Figures {
    pub(crate) fn add(&mut self, round: Self) {
        self.latencies.extend(round.latencies);
        self.spent += round.spent;
    }

    pub(crate) fn per_second(&self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of calls is far below 2^52"
        )]
        let count = self.latencies.len() as f64;
        count / self.spent.as_secs_f64()
    }

    /// The pace of this one as a part of another's.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        self.per_second() / other.per_second()
    }

    pub(crate) fn print(&mut self, name: &str) {
        self.latencies.sort_unstable();
        let at = |share: f64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a position in a list of calls"
            )]
            let index = ((self.latencies.len().saturating_sub(1)) as f64 * share) as usize;
            self.latencies
                .get(index)
                .copied()
                .unwrap_or_default()
                .as_secs_f64()
                * 1e3
        };
        println!(
            "{name:<44} {:>10.0} {:>9.2} {:>9.2}",
            self.per_second(),
            at(0.50),
            at(0.99)
        );
    }
}

/// Lets so many callers call for so long.
pub(crate) async fn measure<F, Fut>(
    callers: usize,
    how_long: Duration,
    call: F,
) -> anyhow::Result<Figures>
where
    F: Fn() -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let begin = Instant::now();
    let lists = try_join_all((0..callers).map(|_| async {
        let mut latencies = Vec::new();
        while begin.elapsed() < how_long {
            let start = Instant::now();
            call().await?;
            latencies.push(start.elapsed());
        }
        anyhow::Ok(latencies)
    }))
    .await?;
    Ok(Figures {
        latencies: lists.into_iter().flatten().collect(),
        spent: begin.elapsed(),
    })
}
