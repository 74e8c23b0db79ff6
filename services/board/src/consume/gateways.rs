//! Boards whose gateway is gone.

use bus::outbox;
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::BOARDS;
use crate::{board::Board, events::Scene, store};

/// Takes boards from a gateway that was deleted, some at a time, and tells of each. Nobody deletes a gateway on which
/// boards live; one can come to live there at the same moment.
pub(super) async fn release(
    pool: &PgPool,
    gateway_id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    store::gone_gateways::remember(&mut tx, gateway_id, now).await?;
    tx.commit().await?;
    loop {
        let mut tx = pool.begin().await?;
        let boards = store::boards::lock_on_gateway(&mut tx, gateway_id, BOARDS).await?;
        if boards.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = boards.iter().map(|board| board.id).collect();
        store::boards::clear_gateway(&mut tx, &ids, now).await?;
        let told = boards.iter().map(|before| left(before, now)).collect();
        outbox::append_all(&mut tx, told).await?;
        tx.commit().await?;
    }
}

fn left(before: &Board, now: DateTime<Utc>) -> proto::event::v1::Event {
    let mut after = before.clone();
    after.governance.gateway_id = None;
    after.updated_at = now;
    after.version += 1;
    let scene = Scene {
        actor: chassis::caller::system_actor(),
        agent_id: None,
        board: &after,
        now,
    };
    scene.board_updated(before.changes(&after), None, None)
}
