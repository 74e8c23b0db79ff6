//! When API tokens were last used, written down off the request's path.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{error::Result, store::api_tokens};

/// How long a use may wait to be written.
const PERIOD: Duration = Duration::from_secs(2);

/// Uses that are not written yet: for each token, the latest minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage(Arc<Mutex<HashMap<Uuid, DateTime<Utc>>>>);

impl Usage {
    pub(crate) fn note(&self, token_id: Uuid, minute: DateTime<Utc>) {
        let mut used = self.0.lock().expect("no holder panics");
        let latest = used.entry(token_id).or_insert(minute);
        *latest = minute.max(*latest);
    }

    /// Writes what was noted until told to stop, and a last time then.
    pub(crate) async fn run(self, pool: PgPool, stop: CancellationToken) -> anyhow::Result<()> {
        while stop
            .run_until_cancelled(tokio::time::sleep(PERIOD))
            .await
            .is_some()
        {
            self.write(&pool).await;
        }
        self.write(&pool).await;
        Ok(())
    }

    /// What cannot be written waits for the next time.
    async fn write(&self, pool: &PgPool) {
        let used = std::mem::take(&mut *self.0.lock().expect("no holder panics"));
        if used.is_empty() {
            return;
        }
        let (ids, minutes): (Vec<_>, Vec<_>) = used.iter().unzip();
        if let Err(error) = save(pool, &ids, &minutes).await {
            tracing::warn!(
                tokens = used.len(),
                error = %chassis::fault::chain(&error),
                "uses of API tokens could not be written; they are tried again"
            );
            for (id, minute) in used {
                self.note(id, minute);
            }
        }
    }
}

async fn save(pool: &PgPool, ids: &[Uuid], minutes: &[DateTime<Utc>]) -> Result<()> {
    let mut conn = pool.acquire().await?;
    api_tokens::update_last_used(&mut conn, ids, minutes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_counts() {
        let usage = Usage::default();
        let [early, late] = [0, 60].map(|s| DateTime::from_timestamp(s, 0).unwrap());
        for minute in [early, late, early] {
            usage.note(Uuid::nil(), minute);
        }
        assert_eq!(usage.0.lock().unwrap().get(&Uuid::nil()), Some(&late));
    }
}
