//! What this service hears of others.

use proto::event::v1::{Event, event::Payload};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::access;

/// What it listens to: boards that are gone, on which nobody needs a right.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: crate::ROLE,
    topics: &["board.deleted"],
};

/// Forgets rights on boards that are gone. The deletion of the board says it all: no member has an event of their own.
pub(crate) struct Listener;

#[tonic::async_trait]
impl bus::Handler for Listener {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let Some(Payload::BoardDeleted(deleted)) = &event.payload else {
            return Ok(());
        };
        let Some(board) = &deleted.board else {
            return Ok(());
        };
        access::delete_of_board(tx, Uuid::try_parse(&board.id)?).await?;
        Ok(())
    }
}
