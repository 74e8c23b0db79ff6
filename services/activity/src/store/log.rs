//! Appending to the log, under the lock of the chain's head.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{chain, entry::Entry};

/// Told on this channel when the log has grown, at the commit that grew it.
pub(crate) const CHANNEL: &str = "activity_log";

/// The newest row, locked: whoever appends waits here.
#[derive(Debug)]
pub(crate) struct Head {
    sequence: i64,
    link: Vec<u8>,
    /// Whether the organization of the event is gone.
    pub(crate) organization_deleted: bool,
}

/// Locks the head.
///
/// The lock is held until the transaction ends, so positions are given in the order of commits: whoever sees one sees all
/// before it.
pub(crate) async fn lock(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<Head> {
    let (sequence, link, organization_deleted) = sqlx::query_as(
        "select sequence, hash,
             exists (select 1 from retention where organization_id = $1 and deleted_at is not null)
         from chain_head for update",
    )
    .bind(organization_id)
    .fetch_one(conn)
    .await?;
    Ok(Head {
        sequence,
        link,
        organization_deleted,
    })
}

/// Appends an entry and answers its position; `None` when the log already has it.
pub(crate) async fn append(
    conn: &mut PgConnection,
    head: &Head,
    entry: &Entry,
) -> sqlx::Result<Option<i64>> {
    let sequence = head.sequence + 1;
    let salt = chain::salt();
    let digest = chain::digest(&salt, entry);
    let hash = chain::link(&head.link, sequence, entry, &digest, None);
    let inserted = sqlx::query(
        "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, actor_name, occurred_at, message, payload, encoded, hash,
             format, salt, digest)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::json, $14, $15,
             2, $16, $17)
         on conflict (id) do nothing",
    )
    .bind(sequence)
    .bind(entry.id)
    .bind(entry.organization_id)
    .bind(entry.board_id)
    .bind(entry.task_id)
    .bind(entry.agent_id)
    .bind(&entry.event_type)
    .bind(entry.actor.kind.word())
    .bind(entry.actor.id)
    .bind(&entry.actor.name)
    .bind(entry.occurred_at)
    .bind(&entry.message)
    .bind(&entry.payload)
    .bind(&entry.encoded)
    .bind(&hash[..])
    .bind(&salt[..])
    .bind(&digest[..])
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query(
        "with moved as (update chain_head set sequence = $1, hash = $2 returning sequence)
         select pg_notify($3, '') from moved",
    )
    .bind(sequence)
    .bind(&hash[..])
    .bind(CHANNEL)
    .execute(conn)
    .await?;
    Ok(Some(sequence))
}

/// Position and link of the newest row; zeros before the first.
pub(crate) async fn head(conn: &mut PgConnection) -> sqlx::Result<(i64, Vec<u8>)> {
    sqlx::query_as("select sequence, hash from chain_head")
        .fetch_one(conn)
        .await
}
