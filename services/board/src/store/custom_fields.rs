//! Definitions of custom fields as rows, and the values that tasks have of them.
//!
//! Whoever changes a definition holds it first, then every board that has it or gets it: what was judged about the tasks
//! there is true when it commits.

use serde_json::Value as Json;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::stored_word;
use crate::custom_field::{CustomField, Kind, Visibility};

macro_rules! columns {
    () => {
        "f.id, f.organization_id, f.field_key, f.label, f.field_type, f.ui_visibility, f.validation_regex, \
         f.description, f.required, f.default_value, f.archived, f.created_at, f.updated_at, \
         array(select fb.board_id from custom_field_board fb where fb.custom_field_id = f.id order by fb.board_id) \
             as board_ids"
    };
}

impl FromRow<'_, PgRow> for CustomField {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            key: row.try_get("field_key")?,
            label: row.try_get("label")?,
            kind: stored_word("field_type", row.try_get("field_type")?, Kind::parse)?,
            visibility: stored_word(
                "ui_visibility",
                row.try_get("ui_visibility")?,
                Visibility::parse,
            )?,
            regex: row.try_get("validation_regex")?,
            description: row.try_get("description")?,
            required: row.try_get("required")?,
            default: row.try_get("default_value")?,
            board_ids: row.try_get("board_ids")?,
            archived: row.try_get("archived")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// The definition, held against everybody who would change it.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<CustomField>> {
    sqlx::query("select from custom_field where id = $1 and organization_id = $2 for update")
        .bind(id)
        .bind(organization_id)
        .execute(&mut *conn)
        .await?;
    // By a statement of its own: the boards that the first one waited for are seen now.
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from custom_field f where f.id = $1 and f.organization_id = $2"
    ))
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// Definitions by lower-cased label.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    include_archived: bool,
) -> sqlx::Result<Vec<CustomField>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from custom_field f
          where f.organization_id = $1 and ($2 or not f.archived)
          order by lower(f.label), f.id"
    ))
    .bind(organization_id)
    .bind(include_archived)
    .fetch_all(conn)
    .await
}

/// The fields that tasks of a board have.
pub(crate) async fn list_of_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Vec<CustomField>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from custom_field f
          join custom_field_board b on b.custom_field_id = f.id
          where b.board_id = $1 and not f.archived
          order by f.field_key"
    ))
    .bind(board_id)
    .fetch_all(conn)
    .await
}

pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from custom_field where organization_id = $1")
        .bind(organization_id)
        .fetch_one(conn)
        .await
}

/// Lets those who would add to the fields of an organization take turns, so that a count made then stays true.
pub(crate) async fn queue(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<()> {
    super::queue(conn, "custom_field", organization_id).await
}

pub(crate) async fn insert(conn: &mut PgConnection, field: &CustomField) -> sqlx::Result<()> {
    sqlx::query(
        "insert into custom_field (
             id, organization_id, field_key, label, field_type, ui_visibility, validation_regex, description,
             required, default_value, archived, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(field.id)
    .bind(field.organization_id)
    .bind(&field.key)
    .bind(&field.label)
    .bind(field.kind.as_str())
    .bind(field.visibility.as_str())
    .bind(&field.regex)
    .bind(&field.description)
    .bind(field.required)
    .bind(&field.default)
    .bind(field.archived)
    .bind(field.created_at)
    .bind(field.updated_at)
    .execute(&mut *conn)
    .await?;
    bind_boards(conn, field.id, &field.board_ids).await
}

/// Writes a definition that is held.
pub(crate) async fn update(conn: &mut PgConnection, field: &CustomField) -> sqlx::Result<()> {
    sqlx::query(
        "update custom_field
            set label = $2, field_type = $3, ui_visibility = $4, validation_regex = $5, description = $6,
                required = $7, default_value = $8, archived = $9, updated_at = $10
          where id = $1",
    )
    .bind(field.id)
    .bind(&field.label)
    .bind(field.kind.as_str())
    .bind(field.visibility.as_str())
    .bind(&field.regex)
    .bind(&field.description)
    .bind(field.required)
    .bind(&field.default)
    .bind(field.archived)
    .bind(field.updated_at)
    .execute(&mut *conn)
    .await?;
    bind_boards(conn, field.id, &field.board_ids).await
}

async fn bind_boards(conn: &mut PgConnection, id: Uuid, boards: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "with gone as (delete from custom_field_board where custom_field_id = $1 and board_id <> all ($2))
         insert into custom_field_board (custom_field_id, board_id) select $1, unnest($2::uuid[])
             on conflict on constraint custom_field_board_pkey do nothing",
    )
    .bind(id)
    .bind(boards)
    .execute(conn)
    .await
    .map(drop)
}

/// Deletes a definition that is held and that no task has a value of.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from custom_field where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
}

/// Makes copies of all tasks of boards that are held old: they show something else now.
pub(crate) async fn touch_tasks(conn: &mut PgConnection, boards: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "update task set version = version + 1 where board_id = any ($1) and deleted_at is null",
    )
    .bind(boards)
    .execute(conn)
    .await
    .map(drop)
}

/// Whether a task of the organization has a value of a field, shown or not.
pub(crate) async fn has_values(conn: &mut PgConnection, field: &CustomField) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (
             select 1 from task
              where organization_id = $1 and deleted_at is null and custom_field_values ? $2::text)",
    )
    .bind(field.organization_id)
    .bind(field.id.to_string())
    .fetch_one(conn)
    .await
}

/// The next values that tasks of the organization have of a field, after those of the task named, with their tasks.
pub(crate) async fn list_values(
    conn: &mut PgConnection,
    field: &CustomField,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<(Uuid, Json)>> {
    sqlx::query_as(
        "select id, custom_field_values -> $2::text from task
          where organization_id = $1 and deleted_at is null and custom_field_values ? $2::text and id > $3
          order by id
          limit $4",
    )
    .bind(field.organization_id)
    .bind(field.id.to_string())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}
