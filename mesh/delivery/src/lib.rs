//! Deliveries to the outside that happen at least once: a notice to an agent, a webhook to a receiver.
//!
//! A delivery is a row in its owner's schema, enqueued in the transaction of the change that causes it. Life cycle:
//!
//! ```text
//! waiting -> sending -> sent
//!              |  ^ \-> dead      the sender said so, the schedule is used up, or the deadline has passed
//!              v  |
//!            failed               another attempt follows
//! ```
//!
//! - A worker claims under a lease with a fence number and renews it for as long as the attempt takes. One that dies is
//!   noticed when the lease expires, ten seconds later at most; one that wakes up after that cannot settle any more,
//!   because the fence has moved on.
//! - No target gets more attempts at once than the policy says, over all workers, and targets take turns.
//! - Pauses between attempts follow a schedule, with jitter that only adds.
//! - Every attempt is recorded. A dead delivery can be delivered once more ([`redeliver`]).
//! - An organization may have what is settled forgotten after some days ([`retention`]).
//!
//! Time is the server's clock; those of several machines may differ by seconds, but not by as much as a lease.
//!
//! Metrics: `delivery_attempts_total{queue, outcome}`, `delivery_attempt_seconds{queue}`, `delivery_dead_total{queue}`.
//! Each worker holds one connection besides the pool's, for being woken.

mod attempt;
mod policy;
pub mod retention;
mod state;
mod store;
mod work;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, migrate::Migrator};
use uuid::Uuid;

pub use attempt::{Attempt, Outcome, Recorded, RecordedOutcome};
pub use policy::Policy;
pub use state::{Delivery, New, State};
pub use work::{Sender, Worker, run};

static MIGRATOR: Migrator = sqlx::migrate!();

/// Makes the tables `delivery`, `delivery_attempt` and `delivery_retention` in the schema that the connection's `search_path`
/// names.
pub fn migrator() -> Migrator {
    Migrator {
        migrations: Cow::Borrowed(&MIGRATOR.migrations),
        table_name: Cow::Borrowed("_delivery_migration"),
        ..Migrator::DEFAULT
    }
}

/// Enqueues deliveries that exist if, and only if, the present transaction commits. An id that is there already is left
/// alone. Workers are woken at the commit.
///
/// # Errors
/// Fails when the database does.
pub async fn enqueue(conn: &mut PgConnection, new: &[New]) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    store::delivery::insert(conn, new).await
}

/// One delivery.
///
/// # Errors
/// Fails when the database does.
pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Delivery>> {
    Ok(list_by_ids(conn, &[id]).await?.pop())
}

/// The deliveries with these ids, in the order of the ids; unknown ones are left out.
///
/// # Errors
/// Fails when the database does.
pub async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Delivery>> {
    store::delivery::list_by_ids(conn, ids).await
}

/// The attempts of one delivery that have ended, first to last.
///
/// # Errors
/// Fails when the database does.
pub async fn attempts(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Recorded>> {
    store::attempt::list(conn, id).await
}

/// Delivers once more what was sent or given up, or at once what waits: due now, at the start of the schedule, without a
/// deadline. Answers `None` when there is no such delivery or an attempt is under way.
///
/// # Errors
/// Fails when the database does.
pub async fn redeliver(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Delivery>> {
    Ok(redeliver_all(conn, &[id], now, None).await?.pop())
}

/// Does the same to any number of deliveries with one statement, and gives them a deadline anew.
///
/// # Errors
/// Fails when the database does.
pub async fn redeliver_all(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
    deadline_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<Delivery>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    store::delivery::redeliver(conn, ids, now, deadline_at).await
}

/// Moves deliveries that wait for an attempt to another queue of the same schema, where they are due now; places in the
/// schedule stay. On a queue that nobody works they are put aside until they are moved back. One of which an attempt is
/// under way stays where it is. The number of deliveries.
///
/// # Errors
/// Fails when the database does.
pub async fn reassign(
    conn: &mut PgConnection,
    ids: &[Uuid],
    queue: &'static str,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    store::delivery::reassign(conn, ids, queue, now).await
}

/// Makes everything due now that waits for its next attempt at a target, because the target is back. Places in the
/// schedule stay. The number of deliveries.
///
/// # Errors
/// Fails when the database does.
pub async fn release(
    conn: &mut PgConnection,
    queue: &'static str,
    target: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    store::delivery::release(conn, queue, target, now).await
}

/// Forgets every delivery to a target with its attempts, because the target is gone. An attempt under way ends without a trace.
/// The number of deliveries.
///
/// # Errors
/// Fails when the database does.
pub async fn discard(
    conn: &mut PgConnection,
    queue: &'static str,
    target: &str,
) -> sqlx::Result<u64> {
    store::delivery::discard(conn, queue, target).await
}

/// Forgets deliveries with their attempts, because there is no reason for them any more. An attempt under way ends without
/// a trace. The number of deliveries.
///
/// # Errors
/// Fails when the database does.
pub async fn discard_all(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    store::delivery::discard_all(conn, ids).await
}

/// Forgets those of the deliveries that nobody holds, and never waits: for whoever holds what the holder of a delivery may wait
/// for. An attempt that is just being settled ends as it would have; its owner finds that there is no reason for it.
///
/// # Errors
/// Fails when the database does.
pub async fn discard_unheld(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    store::delivery::discard_unheld(conn, ids).await
}

/// Wakes the workers of a queue when the present transaction commits: of use when a clock was moved by hand.
///
/// # Errors
/// Fails when the database does.
pub async fn wake(conn: &mut PgConnection, queue: &'static str) -> sqlx::Result<()> {
    store::delivery::wake(conn, queue).await
}
