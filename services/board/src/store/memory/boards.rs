//! The table `board_memory`.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::memory::{BoardMemory, Entry};

macro_rules! columns {
    () => {
        "id, board_id, content, tags, source, author_kind, author_id, author_name, mentioned_agent_ids, created_at"
    };
}

macro_rules! page {
    ($kind:literal) => {
        concat!(
            "select ",
            columns!(),
            " from board_memory
              where board_id = $1
                and ",
            $kind,
            " and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
              order by created_at desc, id desc
              limit $5 offset $6"
        )
    };
}

impl FromRow<'_, PgRow> for BoardMemory {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            board_id: row.try_get("board_id")?,
            entry: Entry::from_row(row)?,
        })
    }
}

pub(crate) async fn insert(
    conn: &mut PgConnection,
    organization_id: Uuid,
    memory: &BoardMemory,
) -> sqlx::Result<()> {
    let entry = &memory.entry;
    sqlx::query(
        "insert into board_memory (
             id, organization_id, board_id, content, tags, source, is_chat, author_kind, author_id, author_name,
             mentioned_agent_ids, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(entry.id)
    .bind(organization_id)
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

/// A page of a board's memory, newest first: all of it, only chat, or only what is not chat. Each way has its statement,
/// so that each finds its index.
pub(crate) async fn list(
    conn: &mut PgConnection,
    board_id: Uuid,
    is_chat: Option<bool>,
    page: &Page,
) -> sqlx::Result<Vec<BoardMemory>> {
    let statement = match is_chat {
        Some(_) => page!("is_chat = $2"),
        None => page!("$2::boolean is null"),
    };
    sqlx::query_as(statement)
        .bind(board_id)
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
    board_id: Uuid,
    is_chat: Option<bool>,
) -> sqlx::Result<i64> {
    let statement = match is_chat {
        Some(_) => "select count(*) from board_memory where board_id = $1 and is_chat = $2",
        None => "select count(*) from board_memory where board_id = $1 and $2::boolean is null",
    };
    sqlx::query_scalar(statement)
        .bind(board_id)
        .bind(is_chat)
        .fetch_one(conn)
        .await
}

/// The newest chat of a board, newest first.
pub(crate) async fn newest_chat(
    conn: &mut PgConnection,
    board_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<BoardMemory>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board_memory
          where board_id = $1 and is_chat
          order by created_at desc, id desc
          limit $2"
    ))
    .bind(board_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}
