//! The boards of a group.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::columns;
use crate::{board::Board, group::MAX_BOARDS, visible::Visible};

/// Ids of all boards of a group.
pub(crate) async fn ids_in_group(
    conn: &mut PgConnection,
    group_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board where board_group_id = $1 order by lower(name), id limit $2",
    )
    .bind(group_id)
    .bind(MAX_BOARDS)
    .fetch_all(conn)
    .await
}

/// Ids and names of all boards of a group, by lower-cased name.
pub(crate) async fn names_in_group(
    conn: &mut PgConnection,
    group_id: Uuid,
) -> sqlx::Result<Vec<(Uuid, String)>> {
    sqlx::query_as(
        "select id, name from board where board_group_id = $1 order by lower(name), id limit $2",
    )
    .bind(group_id)
    .bind(MAX_BOARDS)
    .fetch_all(conn)
    .await
}

/// The boards of a group that a reader may see, without one, by lower-cased name.
pub(crate) async fn list_in_group(
    conn: &mut PgConnection,
    group_id: Uuid,
    visible: &Visible,
    without: Option<Uuid>,
) -> sqlx::Result<Vec<Board>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board
          where board_group_id = $1
            and organization_id = $2
            and ($3::uuid[] is null or id = any ($3))
            and ($4::uuid is null or gateway_id = $4)
            and ($5::uuid is null or id <> $5)
          order by lower(name), id
          limit $6"
    ))
    .bind(group_id)
    .bind(visible.organization_id)
    .bind(visible.boards.as_deref())
    .bind(visible.gateway_id)
    .bind(without)
    .bind(MAX_BOARDS)
    .fetch_all(conn)
    .await
}

/// Takes every board out of a group that is held, and answers them as they are then, by lower-cased name.
pub(crate) async fn detach_all(
    conn: &mut PgConnection,
    group_id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Board>> {
    sqlx::query_as(concat!(
        "with held as (
             select id from board where board_group_id = $1 order by id for no key update),
         detached as (
             update board
                set board_group_id = null, updated_at = $2, version = version + 1
              where id in (select id from held)
          returning *)
         select ",
        columns!(),
        " from detached order by lower(name), id"
    ))
    .bind(group_id)
    .bind(now)
    .fetch_all(conn)
    .await
}
