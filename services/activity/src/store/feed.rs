//! Reading the log for the feed.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

use crate::filter::Filter;

/// What the feed needs of a row.
#[derive(FromRow)]
pub(crate) struct FeedRow {
    pub(crate) sequence: i64,
    pub(crate) encoded: Vec<u8>,
    /// Of the gateway that the board is on now.
    pub(crate) gateway_id: Option<Uuid>,
    /// Whether the board is gone by now.
    pub(crate) board_deleted: bool,
    /// Role of the agent that did it.
    pub(crate) actor_role: Option<String>,
}

macro_rules! rows {
    () => {
        "select event.sequence, event.encoded, board_state.gateway_id,
             board_state.deleted_at is not null as board_deleted, agent_state.role as actor_role
         from event
         left join board_state using (board_id)
         left join agent_state on agent_state.agent_id = event.actor_id
         where event.redacted_at is null and event.sequence > $1 "
    };
}

/// The rows that follow a position, oldest first.
pub(crate) async fn tail(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(concat!(rows!(), "order by event.sequence limit $2"))
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
    let types = filter.operands();
    sqlx::query_as(concat!(
        rows!(),
        "and event.sequence <= $2
             and ($3::uuid is null or event.organization_id = $3)
             and ($4::uuid is null or event.board_id = $4)
             and ($5::uuid is null or event.task_id = $5)
             and ($6::text[] is null or event.type = any ($6))
             and ($7::text is null or event.type like $7)
             and ($8::text[] is null or event.type like any ($8))
             and ($9::timestamptz is null or event.occurred_at >= $9)
         order by event.sequence
         limit $10",
    ))
    // Planned anew with the values at hand: the absent conditions vanish and the fitting index is found.
    .persistent(false)
    .bind(after)
    .bind(up_to)
    .bind(organization_id)
    .bind(filter.board_id)
    .bind(filter.task_id)
    .bind(types.exact)
    .bind(types.like)
    .bind(types.likes)
    .bind(filter.since)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Position of the first row of an organization that happened at or after a moment; `None` when there is none.
pub(crate) async fn first_since(
    conn: &mut PgConnection,
    organization_id: Uuid,
    since: DateTime<Utc>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        // The sum keeps the planner from walking the whole log by position: most moments are recent.
        "select min(sequence + 0) from event where organization_id = $1 and occurred_at >= $2",
    )
    .bind(organization_id)
    .bind(since)
    .fetch_one(conn)
    .await
}
