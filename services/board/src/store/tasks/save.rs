//! Writing tasks: every change of any number of tasks is one statement.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::task::Task;

pub(crate) async fn insert(conn: &mut PgConnection, task: &Task) -> sqlx::Result<()> {
    sqlx::query(
        "insert into task (
             id, organization_id, board_id, title, description, status, priority, due_at, assigned_agent_id,
             created_by_user_id, created_by_agent_id, in_progress_at, started_at, status_changed_at,
             last_worker_id, depends_on_ids, blocked_by_ids, cycle, version, created_at, updated_at, tag_ids,
             custom_field_values)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                 $22, $23)",
    )
    .bind(task.id)
    .bind(task.organization_id)
    .bind(task.board_id)
    .bind(&task.title)
    .bind(&task.description)
    .bind(task.status.as_str())
    .bind(task.priority.as_str())
    .bind(task.due_at)
    .bind(task.assigned_agent_id)
    .bind(task.created_by_user_id)
    .bind(task.created_by_agent_id)
    .bind(task.in_progress_at)
    .bind(task.started_at)
    .bind(task.status_changed_at)
    .bind(task.last_worker_id)
    .bind(&task.depends_on)
    .bind(&task.blocked_by)
    .bind(task.cycle)
    .bind(task.version)
    .bind(task.created_at)
    .bind(task.updated_at)
    .bind(task.tag_ids().collect::<Vec<_>>())
    .bind(own_values(task))
    .execute(conn)
    .await
    .map(drop)
}

/// Writes tasks of a board that is held. Each must still have the version before its own: what was decided on rests on it.
pub(crate) async fn save(conn: &mut PgConnection, tasks: &[&Task]) -> sqlx::Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(tasks);
    let written = sqlx::query(
        "update task t
            set title = u.title, description = u.description, status = u.status, priority = u.priority,
                due_at = u.due_at, assigned_agent_id = u.assigned_agent_id, in_progress_at = u.in_progress_at,
                started_at = u.started_at, status_changed_at = u.status_changed_at,
                last_worker_id = u.last_worker_id, depends_on_ids = u.depends_on_ids::uuid[],
                blocked_by_ids = u.blocked_by_ids::uuid[], stale_by_ids = u.stale_by_ids::uuid[],
                tag_ids = u.tag_ids::uuid[], custom_field_values = u.custom_field_values::jsonb, cycle = u.cycle,
                version = u.version, updated_at = u.updated_at
           from unnest(
                    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::uuid[],
                    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::text[],
                    $13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::bigint[],
                    $19::timestamptz[])
                as u (id, title, description, status, priority, due_at, assigned_agent_id, in_progress_at,
                      started_at, status_changed_at, last_worker_id, depends_on_ids, blocked_by_ids, stale_by_ids,
                      tag_ids, custom_field_values, cycle, version, updated_at)
          where t.id = u.id and t.version = u.version - 1 and t.deleted_at is null",
    )
    .bind(columns.ids)
    .bind(columns.titles)
    .bind(columns.descriptions)
    .bind(columns.statuses)
    .bind(columns.priorities)
    .bind(columns.due_at)
    .bind(columns.assignees)
    .bind(columns.in_progress_at)
    .bind(columns.started_at)
    .bind(columns.status_changed_at)
    .bind(columns.last_workers)
    .bind(columns.depends_on)
    .bind(columns.blocked_by)
    .bind(columns.stale_by)
    .bind(columns.tags)
    .bind(columns.values)
    .bind(columns.cycles)
    .bind(columns.versions)
    .bind(columns.updated_at)
    .execute(conn)
    .await?
    .rows_affected();
    // Every writer holds the board, so a task that moved means a writer that does not.
    if usize::try_from(written).is_ok_and(|written| written == tasks.len()) {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol(
            "a task changed while its board was held".to_owned(),
        ))
    }
}

/// Tasks turned on their side, for `unnest`. Lists of ids travel as array literals: an array of arrays of different
/// lengths is none that PostgreSQL takes.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    titles: Vec<&'a str>,
    descriptions: Vec<Option<&'a str>>,
    statuses: Vec<&'static str>,
    priorities: Vec<&'static str>,
    due_at: Vec<Option<DateTime<Utc>>>,
    assignees: Vec<Option<Uuid>>,
    in_progress_at: Vec<Option<DateTime<Utc>>>,
    started_at: Vec<Option<DateTime<Utc>>>,
    status_changed_at: Vec<DateTime<Utc>>,
    last_workers: Vec<Option<Uuid>>,
    depends_on: Vec<String>,
    blocked_by: Vec<String>,
    stale_by: Vec<String>,
    tags: Vec<String>,
    /// JSON as text, for the same reason as the lists.
    values: Vec<String>,
    cycles: Vec<i32>,
    versions: Vec<i64>,
    updated_at: Vec<DateTime<Utc>>,
}

impl<'a> Columns<'a> {
    fn of(tasks: &[&'a Task]) -> Self {
        let mut columns = Self::default();
        for task in tasks {
            columns.push(task);
        }
        columns
    }

    fn push(&mut self, task: &'a Task) {
        self.ids.push(task.id);
        self.titles.push(&task.title);
        self.descriptions.push(task.description.as_deref());
        self.statuses.push(task.status.as_str());
        self.priorities.push(task.priority.as_str());
        self.due_at.push(task.due_at);
        self.assignees.push(task.assigned_agent_id);
        self.in_progress_at.push(task.in_progress_at);
        self.started_at.push(task.started_at);
        self.status_changed_at.push(task.status_changed_at);
        self.last_workers.push(task.last_worker_id);
        self.depends_on
            .push(literal(task.depends_on.iter().copied()));
        self.blocked_by
            .push(literal(task.blocked_by.iter().copied()));
        self.stale_by.push(literal(task.stale_by.iter().copied()));
        self.tags.push(literal(task.tag_ids()));
        self.values.push(own_values(task).to_string());
        self.cycles.push(task.cycle);
        self.versions.push(task.version);
        self.updated_at.push(task.updated_at);
    }
}

/// Ids as PostgreSQL writes an array: `{a,b}`.
fn literal(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

/// A task's own values, by the id of the field.
fn own_values(task: &Task) -> Json {
    let pair = |(id, value): (&Uuid, &Json)| (id.to_string(), value.clone());
    Json::Object(task.values.own.iter().map(pair).collect())
}

/// Deletes a task of a board that is held; its row, comments and history stay.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update task
            set deleted_at = $2, updated_at = $2, version = version + 1, depends_on_ids = '{}', blocked_by_ids = '{}',
                stale_by_ids = '{}', tag_ids = '{}'
          where id = $1",
    )
    .bind(id)
    .bind(now)
    .execute(conn)
    .await
    .map(drop)
}
