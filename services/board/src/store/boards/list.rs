//! Lists of boards.

use chassis::Page;
use sqlx::PgConnection;
use uuid::Uuid;

use super::columns;
use crate::{board::Board, visible::Visible};

/// Which boards of a list there are to see.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) visible: Visible,
    pub(crate) gateway_id: Option<Uuid>,
    pub(crate) board_group_id: Option<Uuid>,
}

/// How many boards a filter finds, and a fingerprint of their versions.
pub(crate) async fn summary(
    conn: &mut PgConnection,
    filter: &Filter,
) -> sqlx::Result<(i64, String)> {
    sqlx::query_as(
        "select count(*), coalesce(md5(string_agg(id::text || version, ',' order by id)), '')
           from board
          where organization_id = $1
            and ($2::uuid[] is null or id = any ($2))
            and ($3::uuid is null or gateway_id = $3)
            and ($4::uuid is null or gateway_id = $4)
            and ($5::uuid is null or board_group_id = $5)",
    )
    .bind(filter.visible.organization_id)
    .bind(filter.visible.boards.as_deref())
    .bind(filter.visible.gateway_id)
    .bind(filter.gateway_id)
    .bind(filter.board_group_id)
    .fetch_one(conn)
    .await
}

/// Every board that a reader may see.
pub(crate) async fn ids(conn: &mut PgConnection, visible: &Visible) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board
          where organization_id = $1
            and ($2::uuid[] is null or id = any ($2))
            and ($3::uuid is null or gateway_id = $3)",
    )
    .bind(visible.organization_id)
    .bind(visible.boards.as_deref())
    .bind(visible.gateway_id)
    .fetch_all(conn)
    .await
}

/// A page of boards by lower-cased name, then newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    page: &Page,
) -> sqlx::Result<Vec<Board>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board
          where organization_id = $1
            and ($2::uuid[] is null or id = any ($2))
            and ($3::uuid is null or gateway_id = $3)
            and ($4::uuid is null or gateway_id = $4)
            and ($5::uuid is null or board_group_id = $5)
            and ($6::uuid is null
                 or lower(name) > (select lower(name) from board where id = $6)
                 or lower(name) = (select lower(name) from board where id = $6)
                    and (created_at, id) < ($7::timestamptz, $6))
          order by lower(name), created_at desc, id desc
          limit $8 offset $9"
    ))
    .bind(filter.visible.organization_id)
    .bind(filter.visible.boards.as_deref())
    .bind(filter.visible.gateway_id)
    .bind(filter.gateway_id)
    .bind(filter.board_group_id)
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

/// Those of the ids that are boards of the organization.
pub(crate) async fn ids_among(
    conn: &mut PgConnection,
    organization_id: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from board where organization_id = $1 and id = any ($2)")
        .bind(organization_id)
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Slugs of an organization that begin with this one.
pub(crate) async fn slugs_like(
    conn: &mut PgConnection,
    organization_id: Uuid,
    base: &str,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select slug from board where organization_id = $1 and starts_with(slug, $2)",
    )
    .bind(organization_id)
    .bind(base)
    .fetch_all(conn)
    .await
}
