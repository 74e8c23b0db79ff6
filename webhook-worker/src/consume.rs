//! From an event to the deliveries that tell of it; and what some events mean for the component itself.

use anyhow::Context;
use async_trait::async_trait;
use chassis::{Clock, decode};
use chrono::TimeDelta;
use proto::event::v1::{Event, event::Payload};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    QUEUE, body, event_types,
    store::{
        deliveries::{self, Told},
        endpoints::{self, Doomed, Subject},
    },
};

/// The consumer of every event.
pub(crate) struct Consumer {
    pub clock: Clock,
    /// How long a delivery may take in all.
    pub patience: TimeDelta,
}

#[async_trait]
impl bus::Handler for Consumer {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let subject = Subject {
            organization_id: decode::id("organization_id", &event.organization_id)?,
            board_id: decode::optional_id("board_id", event.board_id.as_deref())?,
            patterns: event_types::patterns_of(&event.r#type),
        };
        heed(tx, event, &subject).await?;
        self.tell(tx, event, &subject).await
    }
}

impl Consumer {
    /// Enqueues a delivery for each endpoint that wants to hear of it.
    async fn tell(
        &self,
        tx: &mut PgConnection,
        event: &Event,
        subject: &Subject,
    ) -> anyhow::Result<()> {
        let endpoints = endpoints::list_subscribed(tx, subject).await?;
        if endpoints.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let told = Told {
            event_id: decode::id("id", &event.id)?,
            event_type: &event.r#type,
            body: body::of(event).context("the event cannot be rendered")?,
            at: now,
        };
        let new: Vec<_> = endpoints
            .iter()
            .map(|endpoint_id| delivery::New {
                // Of one moment the lower id goes first: ids of version 7 keep the order of events.
                id: Uuid::now_v7(),
                queue: QUEUE,
                target: endpoint_id.to_string(),
                payload: json!({}),
                due_at: now,
                deadline_at: Some(now + self.patience),
            })
            .collect();
        delivery::enqueue(tx, &new).await?;
        let ids: Vec<_> = new.iter().map(|new| new.id).collect();
        deliveries::insert(tx, &ids, &endpoints, &told).await?;
        Ok(())
    }
}

/// With a board go the endpoints that hear of that board alone, with an organization everything of it: what waits to be told
/// to them is not told any more.
async fn heed(tx: &mut PgConnection, event: &Event, subject: &Subject) -> anyhow::Result<()> {
    let organization_id = subject.organization_id;
    match (&event.payload, subject.board_id) {
        (Some(Payload::BoardDeleted(_)), Some(board_id)) => {
            endpoints::delete(tx, organization_id, Doomed::OfBoard(board_id)).await?;
        }
        (Some(Payload::OrganizationDeleted(_)), _) => {
            endpoints::delete(tx, organization_id, Doomed::All).await?;
            endpoints::delete_quota(tx, organization_id).await?;
            delivery::retention::keep(tx, organization_id, None).await?;
        }
        (Some(Payload::OrganizationSettingsChanged(changed)), _) => {
            let settings = changed.settings.unwrap_or_default();
            delivery::retention::keep(tx, organization_id, settings.payload_retention_days).await?;
        }
        _ => {}
    }
    Ok(())
}
