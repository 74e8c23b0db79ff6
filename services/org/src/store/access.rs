//! Rights on single boards as rows: of members, and of people who are invited.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{access::Grant, error::Result, member::BoardAccess};

#[derive(sqlx::FromRow)]
struct Row {
    member_id: Uuid,
    id: Uuid,
    board_id: Uuid,
    can_read: bool,
    can_write: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for BoardAccess {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            board_id: row.board_id,
            can_read: row.can_read,
            can_write: row.can_write,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Rights of members on single boards, oldest first. One member is granted at most a few hundred.
pub(crate) async fn list(
    conn: &mut PgConnection,
    member_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<BoardAccess>>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select member_id, id, board_id, can_read, can_write, created_at, updated_at
         from board_access where member_id = any($1) order by created_at, id",
    )
    .bind(member_ids)
    .fetch_all(conn)
    .await?;
    let mut by_member: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        by_member.entry(row.member_id).or_default().push(row.into());
    }
    Ok(by_member)
}

/// Rights of one member on single boards, oldest first.
pub(crate) async fn list_of_member(
    conn: &mut PgConnection,
    member_id: Uuid,
) -> Result<Vec<BoardAccess>> {
    let mut by_member = list(conn, &[member_id]).await?;
    Ok(by_member.remove(&member_id).unwrap_or_default())
}

/// Makes these the rights of a member on single boards. Answers whether they were others before.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    member_id: Uuid,
    grants: &[Grant],
    at: DateTime<Utc>,
) -> Result<bool> {
    let board_ids: Vec<Uuid> = grants.iter().map(|grant| grant.board_id).collect();
    let gone = sqlx::query("delete from board_access where member_id = $1 and board_id <> all($2)")
        .bind(member_id)
        .bind(board_ids)
        .execute(&mut *conn)
        .await?;
    let (ids, board_ids, writes) = columns(grants);
    let changed = sqlx::query(
        "insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
         select id, $1, board_id, true, can_write, $5, $5
         from unnest($2::uuid[], $3::uuid[], $4::boolean[]) as granted (id, board_id, can_write)
         on conflict on constraint board_access_member_id_board_id_key do update
         set can_read = true, can_write = excluded.can_write, updated_at = excluded.updated_at
         where not board_access.can_read or board_access.can_write <> excluded.can_write",
    )
    .bind(member_id)
    .bind(ids)
    .bind(board_ids)
    .bind(writes)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(gone.rows_affected() + changed.rows_affected() > 0)
}

/// Adds to the rights of a member on single boards. Answers whether there was anything to add.
pub(crate) async fn merge(
    conn: &mut PgConnection,
    member_id: Uuid,
    grants: &[Grant],
    at: DateTime<Utc>,
) -> Result<bool> {
    let (ids, board_ids, writes) = columns(grants);
    let changed = sqlx::query(
        "insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
         select id, $1, board_id, true, can_write, $5, $5
         from unnest($2::uuid[], $3::uuid[], $4::boolean[]) as granted (id, board_id, can_write)
         on conflict on constraint board_access_member_id_board_id_key do update
         set can_read = true, can_write = board_access.can_write or excluded.can_write,
             updated_at = excluded.updated_at
         where not board_access.can_read or (excluded.can_write and not board_access.can_write)",
    )
    .bind(member_id)
    .bind(ids)
    .bind(board_ids)
    .bind(writes)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// What the people of invites will be granted, by board.
pub(crate) async fn list_of_invites(
    conn: &mut PgConnection,
    invite_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Grant>>> {
    let rows: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(
        "select invite_id, board_id, can_write from invite_access where invite_id = any($1) order by board_id",
    )
    .bind(invite_ids)
    .fetch_all(conn)
    .await?;
    let mut by_invite: HashMap<_, Vec<_>> = HashMap::new();
    for (invite_id, board_id, can_write) in rows {
        by_invite.entry(invite_id).or_default().push(Grant {
            board_id,
            can_write,
        });
    }
    Ok(by_invite)
}

pub(crate) async fn insert_of_invite(
    conn: &mut PgConnection,
    invite_id: Uuid,
    grants: &[Grant],
) -> Result<()> {
    let (_, board_ids, writes) = columns(grants);
    sqlx::query(
        "insert into invite_access (invite_id, board_id, can_write)
         select $1, board_id, can_write from unnest($2::uuid[], $3::boolean[]) as granted (board_id, can_write)",
    )
    .bind(invite_id)
    .bind(board_ids)
    .bind(writes)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a board that is gone.
pub(crate) async fn delete_of_board(conn: &mut PgConnection, board_id: Uuid) -> Result<()> {
    sqlx::query("delete from board_access where board_id = $1")
        .bind(board_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from invite_access where board_id = $1")
        .bind(board_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Grants as columns, each with an id for a row of its own.
fn columns(grants: &[Grant]) -> (Vec<Uuid>, Vec<Uuid>, Vec<bool>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for grant in grants {
        columns.0.push(Uuid::now_v7());
        columns.1.push(grant.board_id);
        columns.2.push(grant.can_write);
    }
    columns
}
