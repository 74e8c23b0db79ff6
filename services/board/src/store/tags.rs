//! Tags as rows, and what they do to the tasks that have them.
//!
//! Whoever gives a tag to a task holds the tag first and the board then; whoever changes a tag holds it first and then the
//! boards with its tasks. So neither waits for the other in a circle, and no task gets a tag that is going away.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::tag::{Badge, Tag};

macro_rules! columns {
    () => {
        "g.id, g.organization_id, g.name, g.slug, g.color, g.description, g.created_at, g.updated_at, \
         (select count(*) from task_tag tt where tt.tag_id = g.id) as task_count"
    };
}

impl FromRow<'_, PgRow> for Badge {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            slug: row.try_get("slug")?,
            color: row.try_get("color")?,
        })
    }
}

impl FromRow<'_, PgRow> for Tag {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            organization_id: row.try_get("organization_id")?,
            badge: Badge::from_row(row)?,
            description: row.try_get("description")?,
            task_count: row.try_get("task_count")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Tag>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from tag g where g.id = $1 and g.organization_id = $2"
    ))
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// The tag, held against everybody who would change it or give it to a task.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Tag>> {
    sqlx::query("select from tag where id = $1 and organization_id = $2 for update")
        .bind(id)
        .bind(organization_id)
        .execute(&mut *conn)
        .await?;
    // Counted by a statement of its own: what the first one waited for is seen now.
    find(conn, organization_id, id).await
}

/// Those of the ids that are tags of the organization, held against change, in the order of the ids.
pub(crate) async fn hold(
    conn: &mut PgConnection,
    organization_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Badge>> {
    let mut badges: Vec<Badge> = sqlx::query_as(
        "select id, name, slug, color from tag
          where organization_id = $1 and id = any ($2)
          order by id
            for share",
    )
    .bind(organization_id)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    badges.sort_by_key(|badge| ids.iter().position(|id| *id == badge.id));
    Ok(badges)
}

/// Those of the ids that are tags of the organization.
pub(crate) async fn known(
    conn: &mut PgConnection,
    organization_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from tag where organization_id = $1 and id = any ($2)")
        .bind(organization_id)
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// A page of tags by lower-cased name, then oldest first. `after` is the name of the last tag of the page before.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    page: &Page,
    after: Option<&str>,
) -> sqlx::Result<Vec<Tag>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from tag g
          where g.organization_id = $1
            and ($2::text is null or (lower(g.name), g.created_at, g.id) > (lower($2), $3::timestamptz, $4::uuid))
          order by lower(g.name), g.created_at, g.id
          limit $5 offset $6"
    ))
    .bind(organization_id)
    .bind(after)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

/// Every tag of an organization as tasks show it, in the order of the list.
pub(crate) async fn badges(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<Vec<Badge>> {
    sqlx::query_as(
        "select id, name, slug, color from tag
          where organization_id = $1
          order by lower(name), created_at, id",
    )
    .bind(organization_id)
    .fetch_all(conn)
    .await
}

pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from tag where organization_id = $1")
        .bind(organization_id)
        .fetch_one(conn)
        .await
}

/// Lets those who would add to the tags of an organization take turns, so that a count made then stays true.
pub(crate) async fn queue(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<()> {
    super::queue(conn, "tag", organization_id).await
}

pub(crate) async fn insert(conn: &mut PgConnection, tag: &Tag) -> sqlx::Result<()> {
    sqlx::query(
        "insert into tag (id, organization_id, name, slug, color, description, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tag.badge.id)
    .bind(tag.organization_id)
    .bind(&tag.badge.name)
    .bind(&tag.badge.slug)
    .bind(&tag.badge.color)
    .bind(&tag.description)
    .bind(tag.created_at)
    .bind(tag.updated_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Writes a tag that is held.
pub(crate) async fn update(conn: &mut PgConnection, tag: &Tag) -> sqlx::Result<()> {
    sqlx::query(
        "update tag set name = $2, slug = $3, color = $4, description = $5, updated_at = $6 where id = $1",
    )
    .bind(tag.badge.id)
    .bind(&tag.badge.name)
    .bind(&tag.badge.slug)
    .bind(&tag.badge.color)
    .bind(&tag.description)
    .bind(tag.updated_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Deletes a tag that is held with the boards of its tasks, and takes it from them. Their copies are old then.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "update task set tag_ids = array_remove(tag_ids, $1), version = version + 1
          where id in (select task_id from task_tag where tag_id = $1)",
    )
    .bind(id)
    .execute(&mut *conn)
    .await?;
    sqlx::query("delete from tag where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
}

/// Makes copies of the tasks that have a tag old: it is held, with their boards, and looks another way now.
pub(crate) async fn touch_tasks(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "update task set version = version + 1
          where id in (select task_id from task_tag where tag_id = $1)",
    )
    .bind(id)
    .execute(conn)
    .await
    .map(drop)
}

/// Boards with tasks that have a tag.
pub(crate) async fn boards(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select distinct t.board_id from task_tag tt join task t on t.id = tt.task_id where tt.tag_id = $1",
    )
    .bind(id)
    .fetch_all(conn)
    .await
}

/// Makes the rows of a task's tags what the task says. Tags that it gets are held.
pub(crate) async fn assign(
    conn: &mut PgConnection,
    task_id: Uuid,
    tag_ids: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query(
        "with gone as (delete from task_tag where task_id = $1 and tag_id <> all ($2))
         insert into task_tag (task_id, tag_id) select $1, unnest($2::uuid[])
             on conflict on constraint task_tag_pkey do nothing",
    )
    .bind(task_id)
    .bind(tag_ids)
    .execute(conn)
    .await
    .map(drop)
}
