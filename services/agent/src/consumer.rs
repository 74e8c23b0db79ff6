//! What this service does when others tell something: it writes notices, holds them while a board is paused, has agents go
//! with their board or organization, and notes how long things are kept.

use anyhow::Context;
use async_trait::async_trait;
use bus::Handler;
use chassis::Clock;
use delivery::retention;
use proto::{
    board::v1::Board,
    event::v1::{Event, event::Payload},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    departure::Departure,
    pause, post,
    skill::{address::Hosts, seed},
};

/// Takes events in.
pub(crate) struct Consumer {
    pub clock: Clock,
    pub desk: post::Desk,
    pub departure: Departure,
    /// Of which packs of skills are read.
    pub hosts: Hosts,
}

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let now = self.clock.now();
        match &event.payload {
            Some(Payload::BoardPaused(paused)) => {
                let board_id = id_of(paused.board.as_ref())?;
                pause::begin(tx, board_id, organization(event)?, now).await?;
            }
            Some(Payload::BoardResumed(resumed)) => {
                let board_id = id_of(resumed.board.as_ref())?;
                pause::end(tx, board_id, self.departure.planner.due_by(now), now).await?;
            }
            Some(Payload::BoardDeleted(deleted)) => {
                let board_id = id_of(deleted.board.as_ref())?;
                self.departure
                    .of_board(tx, event, board_id, deleted.force, now)
                    .await?;
            }
            Some(Payload::OrganizationCreated(_)) => {
                seed::plant(tx, organization(event)?, &self.hosts, now).await?;
            }
            Some(Payload::OrganizationDeleted(_)) => {
                let organization_id = organization(event)?;
                self.departure
                    .of_organization(tx, event, organization_id, now)
                    .await?;
                retention::keep(tx, organization_id, None).await?;
            }
            Some(Payload::OrganizationSettingsChanged(changed)) => {
                let settings = changed.settings.unwrap_or_default();
                let days = settings.payload_retention_days;
                retention::keep(tx, organization(event)?, days).await?;
            }
            _ => self.desk.write(tx, event, now).await?,
        }
        Ok(())
    }
}

fn organization(event: &Event) -> anyhow::Result<Uuid> {
    Uuid::try_parse(&event.organization_id).context("organization of an event")
}

fn id_of(board: Option<&Board>) -> anyhow::Result<Uuid> {
    let board = board.context("a board event carries its board")?;
    Uuid::try_parse(&board.id).context("id of a board")
}
