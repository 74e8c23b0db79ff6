//! The table `group_memory`.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::memory::{Entry, GroupMemory};

macro_rules! columns {
    () => {
        "id, board_group_id, board_id, content, tags, source, author_kind, author_id, author_name, \
         mentioned_agent_ids, created_at"
    };
}

macro_rules! page {
    ($kind:literal) => {
        concat!(
            "select ",
            columns!(),
            " from group_memory
              where board_group_id = $1
                and ",
            $kind,
            " and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
              order by created_at desc, id desc
              limit $5 offset $6"
        )
    };
}

impl FromRow<'_, PgRow> for GroupMemory {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            group_id: row.try_get("board_group_id")?,
            board_id: row.try_get("board_id")?,
            entry: Entry::from_row(row)?,
        })
    }
}

pub(crate) async fn insert(
    conn: &mut PgConnection,
    organization_id: Uuid,
    memory: &GroupMemory,
) -> sqlx::Result<()> {
    let entry = &memory.entry;
    sqlx::query(
        "insert into group_memory (
             id, organization_id, board_group_id, board_id, content, tags, source, is_chat, author_kind, author_id,
             author_name, mentioned_agent_ids, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(entry.id)
    .bind(organization_id)
    .bind(memory.group_id)
    .bind(memory.board_id)
    .bind(&entry.content)
    .bind(&entry.tags)
    .bind(&entry.source)
    .bind(entry.is_chat())
    .bind(entry.author.kind.as_str())
    .bind(entry.author.id)
    .bind(&entry.author.name)
    .bind(&entry.mentions)
    .bind(entry.created_at)
    .execute(conn)
    .await
    .map(drop)
}

/// A page of a group's memory, newest first: all of it, only chat, or only what is not chat. Each way has its statement,
/// so that each finds its index.
pub(crate) async fn list(
    conn: &mut PgConnection,
    group_id: Uuid,
    is_chat: Option<bool>,
    page: &Page,
) -> sqlx::Result<Vec<GroupMemory>> {
    let statement = match is_chat {
        Some(_) => page!("is_chat = $2"),
        None => page!("$2::boolean is null"),
    };
    sqlx::query_as(statement)
        .bind(group_id)
        .bind(is_chat)
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(page.limit)
        .bind(page.offset)
        .fetch_all(conn)
        .await
}

pub(crate) async fn count(
    conn: &mut PgConnection,
    group_id: Uuid,
    is_chat: Option<bool>,
) -> sqlx::Result<i64> {
    let statement = match is_chat {
        Some(_) => "select count(*) from group_memory where board_group_id = $1 and is_chat = $2",
        None => {
            "select count(*) from group_memory where board_group_id = $1 and $2::boolean is null"
        }
    };
    sqlx::query_scalar(statement)
        .bind(group_id)
        .bind(is_chat)
        .fetch_one(conn)
        .await
}

/// Forgets the id of a person who is gone in some entries of an organization; the name stays. Whether there were any.
pub(crate) async fn forget_user(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
    limit: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update group_memory set author_id = null
          where id in (select id from group_memory
                        where organization_id = $1 and author_kind = 'user' and author_id = $2
                        limit $3)",
    )
    .bind(organization_id)
    .bind(user_id)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
