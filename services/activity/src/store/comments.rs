//! Comments on tasks, out of the log.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, prelude::FromRow};
use uuid::Uuid;

use super::selection::{Selection, bind_selection, selected};

/// A comment with the names of today.
#[derive(FromRow)]
pub(crate) struct CommentRow {
    /// Of the event.
    pub(crate) id: Uuid,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) encoded: Vec<u8>,
    pub(crate) task_title: Option<String>,
    pub(crate) board_name: Option<String>,
    pub(crate) agent_name: Option<String>,
    pub(crate) agent_role: Option<String>,
}

macro_rules! comments {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            " from event
             left join task_state using (task_id)
             left join board_state on board_state.board_id = event.board_id
             left join agent_state on event.actor_kind = 'agent' and agent_state.agent_id = event.actor_id
             where event.type = 'task.comment' and task_state.deleted_at is null and ",
            selected!()
        )
    };
}

/// Newest first: `limit` comments on tasks that are there, after `offset`, or after the event `before`.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    selection: &Selection,
    before: Option<Uuid>,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<CommentRow>> {
    let query = sqlx::query_as(concat!(
        comments!(
            "event.id, event.occurred_at, event.encoded, task_state.title as task_title,
             board_state.name as board_name, nullif(agent_state.name, '') as agent_name, agent_state.role as agent_role"
        ),
        " and ($15::uuid is null or event.sequence < (select last.sequence from event as last where last.id = $15))
         order by event.sequence desc
         offset $16 limit $17",
    ));
    bind_selection!(query, selection)
        .bind(before)
        .bind(offset)
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// How many there are, counted to `most`.
pub(crate) async fn count(
    conn: &mut PgConnection,
    selection: &Selection,
    most: i64,
) -> sqlx::Result<i64> {
    let query = sqlx::query_scalar(concat!(
        "select count(*) from (",
        comments!("1"),
        " limit $15) as counted",
    ));
    bind_selection!(query, selection)
        .bind(most)
        .fetch_one(conn)
        .await
}
