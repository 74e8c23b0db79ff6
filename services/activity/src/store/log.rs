//! The log: appending under the lock of the chain's head, and reading it in either direction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

use crate::{
    chain,
    entry::{Actor, ActorKind, Entry},
    filter::Filter,
    viewer::Reach,
};

/// Told on this channel when the log has grown, at the commit that grew it.
pub(crate) const CHANNEL: &str = "activity_log";

/// Appends an entry and answers its position; `None` when the log already has it.
///
/// The lock on the head is held until the transaction ends, so positions are given in the order of commits: whoever
/// sees one sees all before it.
pub(crate) async fn append(conn: &mut PgConnection, entry: &Entry) -> sqlx::Result<Option<i64>> {
    let (head, hash): (i64, Vec<u8>) =
        sqlx::query_as("select sequence, hash from chain_head for update")
            .fetch_one(&mut *conn)
            .await?;
    let sequence = head + 1;
    let hash = chain::link(&hash, sequence, entry);
    let inserted = sqlx::query(
        "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, actor_name, occurred_at, message, payload, encoded, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::json, $14, $15)
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

/// Position and hash of the newest row; zeros before the first.
pub(crate) async fn head(conn: &mut PgConnection) -> sqlx::Result<(i64, Vec<u8>)> {
    sqlx::query_as("select sequence, hash from chain_head")
        .fetch_one(conn)
        .await
}

/// What the feed needs of a row.
#[derive(FromRow)]
pub(crate) struct FeedRow {
    pub(crate) sequence: i64,
    /// Of the gateway that the board is on now.
    pub(crate) gateway_id: Option<Uuid>,
    pub(crate) encoded: Vec<u8>,
}

/// The rows that follow a position, oldest first.
pub(crate) async fn tail(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(
        "select event.sequence, board_state.gateway_id, event.encoded
         from event left join board_state using (board_id)
         where event.sequence > $1
         order by event.sequence
         limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// The rows after one position up to another that pass a filter, oldest first. Rights are judged by the reader.
pub(crate) async fn replay(
    conn: &mut PgConnection,
    organization_id: Option<Uuid>,
    filter: &Filter,
    after: i64,
    up_to: i64,
    limit: i64,
) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(
        "select event.sequence, board_state.gateway_id, event.encoded
         from event left join board_state using (board_id)
         where event.sequence > $1 and event.sequence <= $2
             and ($3::uuid is null or event.organization_id = $3)
             and ($4::uuid is null or event.board_id = $4)
             and ($5::uuid is null or event.task_id = $5)
             and ($6::text[] is null or event.type like any ($6))
         order by event.sequence
         limit $7",
    )
    // Planned anew with the values at hand: the absent conditions vanish and the fitting index is found.
    .persistent(false)
    .bind(after)
    .bind(up_to)
    .bind(organization_id)
    .bind(filter.board_id)
    .bind(filter.task_id)
    .bind(filter.likes())
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// A row of the log with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
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
    encoded: Vec<u8>,
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
                encoded: row.encoded,
            },
        }
    }
}

/// Whole rows after a position, oldest first.
pub(crate) async fn page(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Placed>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select sequence, hash, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, actor_name, occurred_at, message, payload::text as payload, encoded
         from event where sequence > $1 order by sequence limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Placed::from).collect())
}

/// Which rows a list shows.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) reach: Reach,
    pub(crate) filter: Filter,
}

/// The conditions of a selection; they bind $1 to $8.
macro_rules! selected {
    () => {
        "($1::uuid is null or organization_id = $1)
             and ($2::uuid[] is null or board_id = any ($2))
             and ($3 or board_id is not null)
             and ($4::uuid is null or agent_id = $4 or (actor_kind = 'agent' and actor_id = $4))
             and ($5::uuid is null or board_id = $5)
             and ($6::uuid is null or task_id = $6)
             and ($7::uuid is null or agent_id = $7)
             and ($8::text[] is null or type like any ($8))"
    };
}

macro_rules! bind_selection {
    ($query:expr, $selection:expr) => {
        $query
            // Planned anew with the values at hand: the absent conditions vanish and the fitting index is found.
            .persistent(false)
            .bind($selection.reach.organization_id)
            .bind(&$selection.reach.boards)
            .bind($selection.reach.boardless)
            .bind($selection.reach.own)
            .bind($selection.filter.board_id)
            .bind($selection.filter.task_id)
            .bind($selection.filter.agent_id)
            .bind($selection.filter.likes())
    };
}

/// Newest first: `limit` rows after `offset`, or after the row `before`. The encoded event is left out.
pub(crate) async fn list(
    conn: &mut PgConnection,
    selection: &Selection,
    before: Option<Uuid>,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<Placed>> {
    let query = sqlx::query_as(concat!(
        "select sequence, hash, id, organization_id, board_id, task_id, agent_id, type,
             actor_kind, actor_id, actor_name, occurred_at, message, payload::text as payload,
             ''::bytea as encoded
         from event
         where ",
        selected!(),
        " and ($9::uuid is null or sequence < (select last.sequence from event as last where last.id = $9))
         order by sequence desc
         offset $10 limit $11",
    ));
    let rows: Vec<Row> = bind_selection!(query, selection)
        .bind(before)
        .bind(offset)
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
        " limit $9) as counted",
    ));
    bind_selection!(query, selection)
        .bind(most)
        .fetch_one(conn)
        .await
}
