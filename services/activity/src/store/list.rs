//! Reading the log in either direction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

use super::selection::{Selection, bind_selection, selected};
use crate::entry::{Actor, ActorKind, Entry};

/// A row of the log with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    /// Without the encoded event.
    pub(crate) entry: Entry,
}

#[derive(FromRow)]
struct Row {
    sequence: i64,
    hash: Vec<u8>,
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
}

impl From<Row> for Placed {
    fn from(row: Row) -> Self {
        Self {
            sequence: row.sequence,
            hash: row.hash,
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
                encoded: Vec::new(),
            },
        }
    }
}

macro_rules! columns {
    () => {
        "select sequence, hash, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, actor_name, occurred_at, message, payload::text as payload
         from event
         where "
    };
}

/// Newest first: `limit` rows after `offset`, or after the row `before`.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    selection: &Selection,
    before: Option<Uuid>,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<Placed>> {
    let query = sqlx::query_as(concat!(
        columns!(),
        selected!(),
        " and ($15::uuid is null or sequence < (select last.sequence from event as last where last.id = $15))
         order by sequence desc
         offset $16 limit $17",
    ));
    let rows: Vec<Row> = bind_selection!(query, selection)
        .bind(before)
        .bind(offset)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Placed::from).collect())
}

/// Oldest first: the rows after one position up to another.
pub(crate) async fn oldest(
    conn: &mut PgConnection,
    selection: &Selection,
    after: i64,
    up_to: i64,
    limit: i64,
) -> sqlx::Result<Vec<Placed>> {
    let query = sqlx::query_as(concat!(
        columns!(),
        selected!(),
        " and sequence > $15 and sequence <= $16
         order by sequence
         limit $17",
    ));
    let rows: Vec<Row> = bind_selection!(query, selection)
        .bind(after)
        .bind(up_to)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Placed::from).collect())
}

/// How many rows a list has, counted to `most`.
pub(crate) async fn count(
    conn: &mut PgConnection,
    selection: &Selection,
    most: i64,
) -> sqlx::Result<i64> {
    let query = sqlx::query_scalar(concat!(
        "select count(*) from (select 1 from event where ",
        selected!(),
        " limit $15) as counted",
    ));
    bind_selection!(query, selection)
        .bind(most)
        .fetch_one(conn)
        .await
}
