//! Takes events off the bus into the log and the projections, in one transaction.

use async_trait::async_trait;
use proto::event::v1::Event;
use sqlx::PgConnection;

use crate::{
    entry::ActorKind,
    projection,
    store::{
        log,
        projections::{self, Cause},
    },
    wire,
};

/// The consumer of every event.
pub(crate) struct Consumer;

#[async_trait]
impl bus::Handler for Consumer {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let entry = wire::entry(event)?;
        let change = projection::of(event, &entry)?;
        let head = log::lock(tx, entry.organization_id).await?;
        let Some(sequence) = log::append(tx, &head, &entry).await? else {
            return Ok(());
        };
        if head.organization_deleted {
            // Written down, and of no consequence any more.
            return Ok(());
        }
        let cause = Cause {
            sequence,
            organization_id: entry.organization_id,
            at: entry.occurred_at,
        };
        if let Some(change) = change {
            projections::apply(tx, &change, cause).await?;
        }
        if let (ActorKind::Agent, Some(agent)) = (entry.actor.kind, entry.actor.id) {
            projections::see_agent(tx, agent, entry.occurred_at).await?;
        }
        Ok(())
    }
}
