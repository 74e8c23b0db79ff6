//! Forgetting what agents were told and what was done for them, once it is older than its organization wants.
//!
//! | What goes, with its delivery and its attempts | What stays |
//! |---|---|
//! | notices that were sent or given up | those that wait; the last request to install or remove a skill; those of an open onboarding |
//! | jobs that have ended | the newest of each agent, and the newest that was not to remove it: they say why the agent is as it is |
//! | template syncs that have finished | |
//! | wake-ups, questions about skills, packs that were read and leftovers that were taken away | what a row still names |
//!
//! What is in somebody else's hands at the moment is left to the next round: nobody is waited for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    skill::{check, sync},
    store::{notices, retention},
    teardown, waking,
};

/// Queues of which nothing but the delivery is left when it is settled.
const TRACES: [&str; 4] = [waking::QUEUE, teardown::QUEUE, check::QUEUE, sync::QUEUE];

pub(crate) struct Forgetter;

#[async_trait]
impl delivery::retention::Forgetter for Forgetter {
    async fn forget(
        &self,
        tx: &mut PgConnection,
        organization_id: Uuid,
        before: DateTime<Utc>,
        limit: i64,
    ) -> sqlx::Result<u64> {
        let old = retention::lock_notices(tx, organization_id, before, limit).await?;
        notices::take_back(tx, &old).await?;
        let ended = retention::lock_jobs(tx, organization_id, before, limit).await?;
        delivery::discard_all(tx, &ended).await?;
        let jobs = retention::delete_jobs(tx, &ended).await?;
        let traces = retention::lock_traces(tx, organization_id, &TRACES, before, limit).await?;
        let traces = delivery::discard_all(tx, &traces).await?;
        let syncs = retention::delete_syncs(tx, organization_id, before, limit).await?;
        Ok(u64::try_from(old.len()).unwrap_or(u64::MAX) + jobs + traces + syncs)
    }
}
