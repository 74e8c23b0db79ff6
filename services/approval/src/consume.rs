//! What this service does when something is deleted elsewhere. Every step may be repeated.

use anyhow::Context;
use async_trait::async_trait;
use bus::Handler;
use chassis::{Clock, caller::system_actor, decode};
use chrono::{DateTime, Utc};
use proto::event::v1::{Event, event::Payload};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::Approval,
    error::Result,
    event,
    store::{
        approvals, changes, counts,
        deletions::{self, Kind},
        links, policies,
    },
};

/// Handles deletions.
pub(crate) struct Deletions {
    pub clock: Clock,
}

#[async_trait]
impl Handler for Deletions {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let at = self.clock.now();
        match &event.payload {
            Some(Payload::TaskDeleted(deleted)) => {
                let task = deleted.task.as_ref().context("the task is missing")?;
                let (board_id, task_id) = (id(&task.board_id)?, id(&task.id)?);
                unlink(tx, board_id, task_id, at).await?;
            }
            Some(Payload::BoardDeleted(deleted)) => {
                let board = deleted.board.as_ref().context("the board is missing")?;
                forget_board(tx, id(&board.id)?, at).await?;
            }
            Some(Payload::OrganizationDeleted(_)) => {
                let organization_id = id(&event.organization_id)?;
                deletions::remember(tx, Kind::Organization, organization_id, at).await?;
                deletions::organizations(tx, &[organization_id]).await?;
            }
            Some(Payload::UserDeleted(deleted)) => {
                let user_id = id(&deleted.user_id)?;
                deletions::remember(tx, Kind::User, user_id, at).await?;
                deletions::people(tx, &[user_id]).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn id(text: &str) -> anyhow::Result<Uuid> {
    decode::id("id", text).map_err(|_| anyhow::anyhow!("{text:?} is no id"))
}

/// Takes a task out of every approval. A pending one that is about no other task is withdrawn.
async fn unlink(
    tx: &mut PgConnection,
    board_id: Uuid,
    task_id: Uuid,
    at: DateTime<Utc>,
) -> Result<()> {
    approvals::lock_board(tx, board_id).await?;
    deletions::remember(tx, Kind::Task, task_id, at).await?;
    let ids = links::delete(tx, task_id).await?;
    if ids.is_empty() {
        return Ok(());
    }
    changes::touch(tx, &ids).await?;
    let mut changed = approvals::list_by_ids(tx, &ids).await?;
    let withdrawn = deletions::withdraw(tx, &ids).await?;
    let is_withdrawn = |approval: &Approval| withdrawn.contains(&approval.id);
    // The one that is withdrawn first: the counts after it are those after all.
    changed.sort_by_key(|approval| (!is_withdrawn(approval), approval.created_at, approval.id));
    let task_ids: Vec<Uuid> = changed.iter().flat_map(Approval::task_ids).collect();
    let counts = counts::find(tx, board_id, &task_ids).await?;
    let told = changed
        .iter()
        .map(|approval| event::unlinked(approval, task_id, is_withdrawn(approval), &counts, at));
    bus::outbox::append_all(tx, told.collect()).await?;
    Ok(())
}

/// Deletes the approvals of a board, and the policies that were about it alone.
async fn forget_board(tx: &mut PgConnection, board_id: Uuid, at: DateTime<Utc>) -> Result<()> {
    approvals::lock_board(tx, board_id).await?;
    deletions::remember(tx, Kind::Board, board_id, at).await?;
    deletions::board(tx, board_id).await?;
    let policies = policies::delete_of_board(tx, board_id).await?;
    let told = policies
        .iter()
        .map(|policy| event::policy_deleted(system_actor(), policy, at));
    bus::outbox::append_all(tx, told.collect()).await?;
    Ok(())
}
