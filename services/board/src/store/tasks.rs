//! Tasks as rows. A row carries what its readers need, so that a list is one query.

mod list;
mod save;

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{boards::Stamp, stored_word};
use crate::task::{Priority, Status, Task};

pub(crate) use list::{Filter, Place, count, list};
pub(crate) use save::{delete, insert, save};

macro_rules! columns {
    () => {
        "t.id, t.organization_id, t.board_id, t.title, t.description, t.status, t.priority, t.due_at, \
         t.assigned_agent_id, t.created_by_user_id, t.created_by_agent_id, t.in_progress_at, t.started_at, \
         t.status_changed_at, t.last_worker_id, t.depends_on_ids, t.blocked_by_ids, t.cycle, t.version, \
         t.created_at, t.updated_at"
    };
}

use columns;

impl FromRow<'_, PgRow> for Task {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            board_id: row.try_get("board_id")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            status: stored_word("status", row.try_get("status")?, Status::parse)?,
            priority: stored_word("priority", row.try_get("priority")?, Priority::parse)?,
            due_at: row.try_get("due_at")?,
            assigned_agent_id: row.try_get("assigned_agent_id")?,
            created_by_user_id: row.try_get("created_by_user_id")?,
            created_by_agent_id: row.try_get("created_by_agent_id")?,
            in_progress_at: row.try_get("in_progress_at")?,
            started_at: row.try_get("started_at")?,
            status_changed_at: row.try_get("status_changed_at")?,
            last_worker_id: row.try_get("last_worker_id")?,
            depends_on: row.try_get("depends_on_ids")?,
            blocked_by: row.try_get("blocked_by_ids")?,
            cycle: row.try_get("cycle")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Task>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from task t where t.id = $1 and t.deleted_at is null"
    ))
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// What a reader's right on a task and a reader's copy of it hang on.
pub(crate) async fn stamp(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Stamp>> {
    sqlx::query_as(
        "select b.id, b.organization_id, b.gateway_id, b.version
           from task t join board b on b.id = t.board_id
          where t.id = $1 and t.deleted_at is null",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// Those of the ids that are tasks of this board.
pub(crate) async fn list_by_ids(
    conn: &mut PgConnection,
    board_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from task t
          where t.id = any ($2) and t.board_id = $1 and t.deleted_at is null
          order by t.created_at desc, t.id desc"
    ))
    .bind(board_id)
    .bind(ids)
    .fetch_all(conn)
    .await
}

/// The status of those of the ids that are tasks of this board.
pub(crate) async fn statuses(
    conn: &mut PgConnection,
    board_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Status>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, status from task where id = any ($2) and board_id = $1 and deleted_at is null",
    )
    .bind(board_id)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, word)| Ok((id, stored_word("status", &word, Status::parse)?)))
        .collect()
}

/// Tasks that depend on this one directly.
pub(crate) async fn list_dependents(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from task t
          join task_dependency d on d.task_id = t.id
          where d.depends_on_task_id = $1 and t.deleted_at is null
          order by t.created_at, t.id"
    ))
    .bind(id)
    .fetch_all(conn)
    .await
}

/// Tasks that depend on this one, directly or through others.
pub(crate) async fn list_all_dependents(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as(concat!(
        "with recursive dependent (id) as (
             select task_id from task_dependency where depends_on_task_id = $1
             union
             select d.task_id from task_dependency d join dependent on d.depends_on_task_id = dependent.id)
         select ",
        columns!(),
        " from task t
          join dependent on dependent.id = t.id
          where t.deleted_at is null
          order by t.created_at, t.id"
    ))
    .bind(id)
    .fetch_all(conn)
    .await
}
