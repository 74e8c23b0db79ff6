//! Reading the log to verify it.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

use crate::{
    chain::Stored,
    entry::{Actor, ActorKind, Entry},
};

#[derive(FromRow)]
struct Row {
    sequence: i64,
    hash: Vec<u8>,
    digest: Vec<u8>,
    seal: Option<Vec<u8>>,
    salt: Option<Vec<u8>>,
    id: Uuid,
    organization_id: Uuid,
    board_id: Option<Uuid>,
    task_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    #[sqlx(rename = "type")]
    event_type: String,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    occurred_at: DateTime<Utc>,
    message: String,
    payload: String,
    encoded: Vec<u8>,
}

impl From<Row> for Stored {
    fn from(row: Row) -> Self {
        Self {
            sequence: row.sequence,
            hash: row.hash,
            digest: row.digest,
            seal: row.seal,
            salt: row.salt,
            entry: Entry {
                id: row.id,
                organization_id: row.organization_id,
                board_id: row.board_id,
                task_id: row.task_id,
                agent_id: row.agent_id,
                event_type: row.event_type,
                actor: Actor {
                    kind: ActorKind::of(&row.actor_kind),
                    id: row.actor_id,
                    name: row.actor_name,
                },
                occurred_at: row.occurred_at,
                message: row.message,
                payload: row.payload,
                encoded: row.encoded,
            },
        }
    }
}

/// Whole rows after a position, oldest first. What was taken out is empty.
pub(crate) async fn page(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Stored>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select sequence, hash, digest, seal, salt, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, coalesce(actor_name, '') as actor_name, occurred_at,
             coalesce(message, '') as message, coalesce(payload::text, '') as payload,
             coalesce(encoded, ''::bytea) as encoded
         from event where sequence > $1 order by sequence limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Stored::from).collect())
}
