//! Tasks as rows. A row carries what its readers need, so that a list is one query.

mod list;
mod save;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{boards::Stamp, stored_word};
use crate::{
    custom_field::values::Values,
    tag::Badge,
    task::{Priority, Status, Task},
};

pub(crate) use list::{Filter, Place, Words, count, list};
pub(crate) use save::{delete, insert, save};

// What a task shows of tags and custom fields comes with its row; `offset 0` makes the planner look each tag up by its id
// instead of reading all tags for each task. A task without tags, or on a board without fields, pays for neither.
macro_rules! columns {
    () => {
        "t.id, t.organization_id, t.board_id, t.title, t.description, t.status, t.priority, t.due_at, \
         t.assigned_agent_id, t.created_by_user_id, t.created_by_agent_id, t.in_progress_at, t.started_at, \
         t.status_changed_at, t.last_worker_id, t.depends_on_ids, t.blocked_by_ids, t.stale_by_ids, t.cycle, \
         t.version, t.created_at, t.updated_at, t.custom_field_values, \
         case when cardinality(t.tag_ids) > 0 then \
         (select jsonb_agg(jsonb_build_array(g.id, g.name, g.slug, g.color) order by given.place) \
            from unnest(t.tag_ids) with ordinality as given (id, place) \
                 cross join lateral (select * from tag where tag.id = given.id offset 0) g) end as tags, \
         case when exists (select from custom_field_board fb where fb.board_id = t.board_id) then \
         (select jsonb_object_agg(f.field_key, coalesce(t.custom_field_values -> f.id::text, f.default_value)) \
            from custom_field_board fb join custom_field f on f.id = fb.custom_field_id \
           where fb.board_id = t.board_id and not f.archived) end as shown_values"
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
            stale_by: row.try_get("stale_by_ids")?,
            tags: stored("tags", row, |tags| {
                tags.as_array()?.iter().map(badge).collect()
            })?,
            values: Values {
                own: stored("custom_field_values", row, own)?,
                shown: stored("shown_values", row, shown)?,
            },
            cycle: row.try_get("cycle")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// A JSON column that only this service writes; null reads as empty.
fn stored<T: Default>(
    column: &str,
    row: &PgRow,
    read: impl FnOnce(&Json) -> Option<T>,
) -> sqlx::Result<T> {
    let Some(json) = row.try_get::<Option<Json>, _>(column)? else {
        return Ok(T::default());
    };
    read(&json).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "not what this service writes".into(),
    })
}

fn badge(json: &Json) -> Option<Badge> {
    let text = |at: usize| json.get(at)?.as_str().map(str::to_owned);
    Some(Badge {
        id: text(0)?.parse().ok()?,
        name: text(1)?,
        slug: text(2)?,
        color: text(3)?,
    })
}

fn own(json: &Json) -> Option<BTreeMap<Uuid, Json>> {
    let pair = |(id, value): (&String, &Json)| Some((id.parse().ok()?, value.clone()));
    json.as_object()?.iter().map(pair).collect()
}

fn shown(json: &Json) -> Option<BTreeMap<String, Json>> {
    let pair = |(key, value): (&String, &Json)| (key.clone(), value.clone());
    Some(json.as_object()?.iter().map(pair).collect())
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

/// What a reader's right on a task hangs on, and the version of the task itself.
pub(crate) async fn own_stamp(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Stamp>> {
    sqlx::query_as(
        "select b.id, b.organization_id, b.gateway_id, t.version
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

/// Tasks of a board that an agent has.
pub(crate) async fn list_of_assignee(
    conn: &mut PgConnection,
    board_id: Uuid,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from task t
          where t.board_id = $1 and t.assigned_agent_id = $2 and t.deleted_at is null
          order by t.created_at, t.id"
    ))
    .bind(board_id)
    .bind(agent_id)
    .fetch_all(conn)
    .await
}

/// Boards with tasks that an agent has, in the order in which they are held.
pub(crate) async fn boards_of_assignee(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select distinct board_id from task where assigned_agent_id = $1 and deleted_at is null order by board_id",
    )
    .bind(agent_id)
    .fetch_all(conn)
    .await
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

/// Tasks that the end of this one's being done befalls: those that depend on it directly, and work that does so through
/// others.
pub(crate) async fn list_unsettled(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as(concat!(
        "with recursive dependent (id) as (
             select task_id from task_dependency where depends_on_task_id = $1
             union
             select next.id
               from dependent
                    cross join lateral (
                        select task_id as id from task_dependency where depends_on_task_id = dependent.id offset 0) next)
         select ",
        columns!(),
        " from task t
          join dependent on dependent.id = t.id
          where t.deleted_at is null
            and (t.status in ('in_progress', 'review')
                 or exists (select 1 from task_dependency direct
                             where direct.task_id = t.id and direct.depends_on_task_id = $1))
          order by t.created_at, t.id"
    ))
    .bind(id)
    .fetch_all(conn)
    .await
}
