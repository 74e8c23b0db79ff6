//! What happens elsewhere and matters here: organizations, people, agents and gateways that are gone, and how long memory is kept.

mod gateways;
mod orphans;

use chassis::{Clock, decode};
use proto::{
    agent::v1::Agent,
    event::v1::{Event, event::Payload},
};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::store;

/// Boards that are dealt with in one transaction.
const BOARDS: i64 = 20;
/// Rows of one table that are deleted in one transaction.
const ROWS: i64 = 1_000;

/// The consumer of what this service listens to. Whatever holds boards does so in short transactions of its own and can be
/// done again; the handler's transaction, which lasts for many events, holds none.
pub(crate) struct Consumer {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl bus::Handler for Consumer {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let organization_id = decode::id("organization_id", &event.organization_id)?;
        match &event.payload {
            Some(Payload::OrganizationDeleted(_)) => {
                self.erase_organization(organization_id).await?;
                // An event before this one may have written it within the same transaction.
                Ok(store::memory::retention::set(tx, organization_id, None).await?)
            }
            Some(Payload::UserDeleted(gone)) => {
                let user_id = decode::id("user_id", &gone.user_id)?;
                Ok(self.forget_user(organization_id, user_id).await?)
            }
            Some(Payload::OrganizationSettingsChanged(changed)) => {
                let settings = changed.settings.unwrap_or_default();
                let days = settings.memory_retention_days;
                Ok(store::memory::retention::set(tx, organization_id, days).await?)
            }
            Some(Payload::AgentDeleted(gone)) => self.free(gone.agent.as_ref(), None).await,
            Some(Payload::AgentRetiring(gone)) => self.free(gone.agent.as_ref(), None).await,
            Some(Payload::AgentUnlinked(gone)) => self.free(gone.agent.as_ref(), None).await,
            Some(Payload::AgentUpdated(changed)) => match &changed.from_board_id {
                Some(left) => {
                    let left = decode::id("from_board_id", left)?;
                    self.free(changed.agent.as_ref(), Some(left)).await
                }
                None => Ok(()),
            },
            Some(Payload::GatewayDeleted(gone)) => match &gone.gateway {
                Some(gateway) => {
                    let gateway_id = decode::id("gateway_id", &gateway.id)?;
                    Ok(gateways::release(&self.pool, gateway_id, self.clock.now()).await?)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Consumer {
    /// Frees the tasks of an agent, on the board that it left or everywhere.
    async fn free(&self, agent: Option<&Agent>, left: Option<Uuid>) -> anyhow::Result<()> {
        let Some(agent) = agent else { return Ok(()) };
        let agent_id = decode::id("agent_id", &agent.id)?;
        Ok(orphans::release(&self.pool, agent_id, left, self.clock.now()).await?)
    }

    /// Deletes everything of an organization, some of it at a time; what is gone already stays gone when it has to begin
    /// anew. Nobody is told: everybody heard that the organization is gone.
    async fn erase_organization(&self, id: Uuid) -> sqlx::Result<()> {
        while self.erase_some_boards(id).await? {}
        for statement in store::erase::REST {
            let mut conn = self.pool.acquire().await?;
            while store::erase::some(&mut conn, statement, id, ROWS).await? {}
        }
        Ok(())
    }

    /// Empties the next boards of an organization, and deletes them once they are empty. Whether there were any.
    async fn erase_some_boards(&self, organization_id: Uuid) -> sqlx::Result<bool> {
        let mut tx = self.pool.begin().await?;
        let boards = store::erase::lock_boards(&mut tx, organization_id, BOARDS).await?;
        if boards.is_empty() {
            return Ok(false);
        }
        if !store::erase::some_on_boards(&mut tx, &boards, ROWS).await? {
            store::erase::boards(&mut tx, &boards).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets the id of a person who is gone, on some boards at a time. Names stay.
    async fn forget_user(&self, organization_id: Uuid, user_id: Uuid) -> sqlx::Result<()> {
        loop {
            let mut tx = self.pool.begin().await?;
            let boards =
                store::forget::lock_boards(&mut tx, organization_id, user_id, BOARDS).await?;
            if boards.is_empty() {
                break;
            }
            store::forget::user(&mut tx, &boards, user_id).await?;
            tx.commit().await?;
        }
        let mut conn = self.pool.acquire().await?;
        while store::memory::groups::forget_user(&mut conn, organization_id, user_id, ROWS).await? {
        }
        Ok(())
    }
}
