//! Forgetting what was delivered, and what was given up, once it is older than its organization wants.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::retention;

/// Forgets deliveries with their attempts.
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
        retention::delete_settled(tx, organization_id, before, limit).await
    }
}
