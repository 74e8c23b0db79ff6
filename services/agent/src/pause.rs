//! Boards that are paused: what their agents are to be told waits, and goes out in its order when they are resumed.
//!
//! A notice that comes while its board is paused gets no delivery until then. One that waits for an attempt already is put
//! on a queue that nobody works, and one of which an attempt fails meanwhile follows it there. A job goes on up to the
//! message that wakes its agent, and an agent that lets a wake-up pass is not woken again until then. All of it stands in the database, so no restart loses it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    post,
    store::{
        self,
        locks::{self, Matter},
    },
};

/// Holds what is to be told to the agents of a board. Repeating it changes nothing.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    board_id: Uuid,
    organization_id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    locks::seize(conn, Matter::Pause, board_id).await?;
    store::pauses::insert(conn, board_id, organization_id, now).await?;
    let waiting = store::pauses::list_open_notices(conn, board_id, post::QUEUE).await?;
    delivery::reassign(conn, &waiting, post::PUT_ASIDE, now).await?;
    Ok(())
}

/// Lets go of what was held for a board; what waited to wake agents has until `wake_by`. Repeating it changes
/// nothing.
pub(crate) async fn end(
    conn: &mut PgConnection,
    board_id: Uuid,
    wake_by: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    locks::seize(conn, Matter::Pause, board_id).await?;
    store::pauses::delete(conn, board_id).await?;
    let put_aside = store::pauses::list_open_notices(conn, board_id, post::PUT_ASIDE).await?;
    delivery::reassign(conn, &put_aside, post::QUEUE, now).await?;
    let released = store::notices::release_of_board(conn, board_id).await?;
    let due: Vec<_> = released
        .into_iter()
        .map(|(id, agent_id, gateway_id)| post::due(id, agent_id, gateway_id, now))
        .collect();
    delivery::enqueue(conn, &due).await?;
    let held = store::pauses::list_held_jobs(conn, board_id).await?;
    delivery::redeliver_all(conn, &held, now, wake_by).await?;
    let held = store::wakes::list_held(conn, board_id).await?;
    delivery::redeliver_all(conn, &held, now, wake_by).await?;
    Ok(())
}

/// Whether a board is paused stays as it is until the transaction ends.
pub(crate) async fn keep(conn: &mut PgConnection, board_id: Uuid) -> sqlx::Result<()> {
    locks::keep(conn, Matter::Pause, &[board_id]).await
}

/// Whether a board is paused. It stays so, or not, until the transaction ends.
pub(crate) async fn is_on(conn: &mut PgConnection, board_id: Uuid) -> sqlx::Result<bool> {
    keep(conn, board_id).await?;
    Ok(!store::pauses::list(conn, &[board_id]).await?.is_empty())
}
