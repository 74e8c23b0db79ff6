//! Groups as rows.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{group::Group, visible::Visible};

macro_rules! columns {
    () => {
        "g.id, g.organization_id, g.name, g.slug, g.description, g.created_at, g.updated_at"
    };
}

/// The groups that a reader may see: those of the boards that it may see; all of them for a reader of all boards.
/// Binds the organization, the boards and the gateway of the reader as the first three.
macro_rules! visible {
    () => {
        "g.organization_id = $1
         and ($2::uuid[] is null and $3::uuid is null
              or exists (select from board b
                          where b.board_group_id = g.id
                            and ($2::uuid[] is null or b.id = any ($2))
                            and ($3::uuid is null or b.gateway_id = $3)))"
    };
}

impl FromRow<'_, PgRow> for Group {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            name: row.try_get("name")?,
            slug: row.try_get("slug")?,
            description: row.try_get("description")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Group>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board_group g where g.id = $1"
    ))
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// A group, if the reader may see it.
pub(crate) async fn find_visible(
    conn: &mut PgConnection,
    id: Uuid,
    visible: &Visible,
) -> sqlx::Result<Option<Group>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board_group g where g.id = $4 and ",
        visible!()
    ))
    .bind(visible.organization_id)
    .bind(visible.boards.as_deref())
    .bind(visible.gateway_id)
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// A group of an organization, held until the transaction ends. Whoever puts a board into a group, or takes the group away,
/// holds the group first and the boards after it.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    id: Uuid,
    organization_id: Uuid,
) -> sqlx::Result<Option<Group>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board_group g where g.id = $1 and g.organization_id = $2 for no key update"
    ))
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// How many groups a reader may see.
pub(crate) async fn count(conn: &mut PgConnection, visible: &Visible) -> sqlx::Result<i64> {
    sqlx::query_scalar(concat!(
        "select count(*) from board_group g where ",
        visible!()
    ))
    .bind(visible.organization_id)
    .bind(visible.boards.as_deref())
    .bind(visible.gateway_id)
    .fetch_one(conn)
    .await
}

/// A page of groups by lower-cased name, then newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    page: &Page,
) -> sqlx::Result<Vec<Group>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board_group g
          where ",
        visible!(),
        " and ($4::uuid is null
               or lower(g.name) > (select lower(name) from board_group where id = $4)
               or lower(g.name) = (select lower(name) from board_group where id = $4)
                  and (g.created_at, g.id) < ($5::timestamptz, $4))
          order by lower(g.name), g.created_at desc, g.id desc
          limit $6 offset $7"
    ))
    .bind(visible.organization_id)
    .bind(visible.boards.as_deref())
    .bind(visible.gateway_id)
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

/// Slugs of other groups of the organization that begin with this one.
pub(crate) async fn slugs_like(
    conn: &mut PgConnection,
    group: &Group,
    base: &str,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select slug from board_group where organization_id = $1 and id <> $2 and starts_with(slug, $3)",
    )
    .bind(group.organization_id)
    .bind(group.id)
    .bind(base)
    .fetch_all(conn)
    .await
}

pub(crate) async fn insert(conn: &mut PgConnection, group: &Group) -> sqlx::Result<()> {
    sqlx::query(
        "insert into board_group (id, organization_id, name, slug, description, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(group.id)
    .bind(group.organization_id)
    .bind(&group.name)
    .bind(&group.slug)
    .bind(&group.description)
    .bind(group.created_at)
    .bind(group.updated_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Writes a group that is held.
pub(crate) async fn update(conn: &mut PgConnection, group: &Group) -> sqlx::Result<()> {
    sqlx::query(
        "update board_group set name = $2, slug = $3, description = $4, updated_at = $5 where id = $1",
    )
    .bind(group.id)
    .bind(&group.name)
    .bind(&group.slug)
    .bind(&group.description)
    .bind(group.updated_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Deletes a group that is held and has no boards, and with it its memory.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from board_group where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
}
