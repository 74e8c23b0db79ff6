//! Whether this process can do its work right now.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use serde::Serialize;

/// How long one check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// The checks of a process; clones share them.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    checks: Mutex<Vec<(String, Check)>>,
    draining: AtomicBool,
}

/// What the checks say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every component is well and the process is not draining.
    pub ok: bool,
    /// `ok` or what is wrong, by component.
    pub components: BTreeMap<String, String>,
}

impl Readiness {
    /// Adds a check. Its name says what it looks at: `database.board`, `peer.org`.
    pub fn add(
        &self,
        name: impl Into<String>,
        check: impl Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync + 'static,
    ) {
        self.0
            .checks
            .lock()
            .expect("no holder panics")
            .push((name.into(), Arc::new(check)));
    }

    /// From now on the process is not ready, whatever its checks say.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Runs every check at once.
    pub async fn report(&self) -> Report {
        self.run(|_| true).await
    }

    /// Runs the checks whose name begins so.
    pub async fn report_of(&self, prefix: &str) -> Report {
        self.run(|name| name.starts_with(prefix)).await
    }

    async fn run(&self, chosen: impl Fn(&str) -> bool) -> Report {
        let checks: Vec<_> = {
            let all = self.0.checks.lock().expect("no holder panics");
            all.iter()
                .filter(|(name, _)| chosen(name))
                .cloned()
                .collect()
        };
        let results = join_all(checks.into_iter().map(|(name, check)| async move {
            let word = match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(error)) => {
                    tracing::warn!(
                        component = name,
                        error = format!("{error:#}"),
                        "readiness check failed"
                    );
                    "failed".to_owned()
                }
                Err(_) => "timed out".to_owned(),
            };
            (name, word)
        }))
        .await;
        let mut components: BTreeMap<_, _> = results.into_iter().collect();
        if self.0.draining.load(Ordering::Relaxed) {
            components.insert("process".into(), "draining".into());
        }
        Report {
            ok: components.values().all(|word| word == "ok"),
            components,
        }
    }
}
