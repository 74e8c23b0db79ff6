//! Boards as rows.

mod gateway;
mod group;
mod list;
mod save;

use chassis::BoardScope;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::stored_word;
use crate::{
    author::{self, Author},
    board::{Board, Content, Governance, Kind, Pause},
    task::gate::Rules,
};

pub(crate) use gateway::{clear_gateway, list_on_gateway, lock_on_gateway};
pub(crate) use group::{detach_all, ids_in_group, list_in_group, names_in_group};
pub(crate) use list::{Filter, ids, ids_among, list, slugs_like, summary};
pub(crate) use save::{delete, insert, set_paused, update};

macro_rules! columns {
    () => {
        "id, organization_id, name, slug, description, gateway_id, board_group_id, board_type, objective, \
         success_metrics, target_date, goal_confirmed, goal_source, require_approval_for_done, require_review_before_done, \
         comment_required_for_review, block_status_changes_with_pending_approval, only_lead_can_change_status, \
         max_agents, paused_at, paused_by_kind, paused_by_id, paused_by_name, created_at, updated_at, version"
    };
}

use columns;

impl FromRow<'_, PgRow> for Board {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            content: Content {
                name: row.try_get("name")?,
                slug: row.try_get("slug")?,
                description: row.try_get("description")?,
                kind: stored_word("board_type", row.try_get("board_type")?, Kind::parse)?,
                objective: row.try_get("objective")?,
                success_metrics: row.try_get("success_metrics")?,
                target_date: row.try_get("target_date")?,
                goal_confirmed: row.try_get("goal_confirmed")?,
                goal_source: row.try_get("goal_source")?,
            },
            governance: Governance {
                gateway_id: row.try_get("gateway_id")?,
                board_group_id: row.try_get("board_group_id")?,
                rules: Rules {
                    require_approval_for_done: row.try_get("require_approval_for_done")?,
                    require_review_before_done: row.try_get("require_review_before_done")?,
                    comment_required_for_review: row.try_get("comment_required_for_review")?,
                    block_status_changes_with_pending_approval: row
                        .try_get("block_status_changes_with_pending_approval")?,
                    only_lead_can_change_status: row.try_get("only_lead_can_change_status")?,
                },
                max_agents: row.try_get("max_agents")?,
            },
            pause: pause(row)?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        })
    }
}

fn pause(row: &PgRow) -> sqlx::Result<Option<Pause>> {
    let Some(at) = row.try_get("paused_at")? else {
        return Ok(None);
    };
    let word = row.try_get("paused_by_kind")?;
    let by = Author {
        kind: stored_word("paused_by_kind", word, author::Kind::parse)?,
        id: row.try_get("paused_by_id")?,
        name: row.try_get("paused_by_name")?,
    };
    Ok(Some(Pause { at, by }))
}

/// What a reader's right and a reader's copy hang on.
pub(crate) struct Stamp {
    pub(crate) scope: BoardScope,
    pub(crate) version: i64,
}

impl FromRow<'_, PgRow> for Stamp {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let scope = BoardScope {
            organization_id: row.try_get("organization_id")?,
            board_id: row.try_get("id")?,
            gateway_id: row.try_get("gateway_id")?,
        };
        Ok(Self {
            scope,
            version: row.try_get("version")?,
        })
    }
}

pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Board>> {
    sqlx::query_as(concat!("select ", columns!(), " from board where id = $1"))
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The board, held until the transaction ends: whoever changes anything on a board holds it first, so that writers of
/// one board take turns and never wait for each other in a circle.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Board>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board where id = $1 for no key update"
    ))
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// The board, held against everybody, to be deleted.
pub(crate) async fn lock_to_delete(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Board>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from board where id = $1 for update"
    ))
    .bind(id)
    .fetch_optional(conn)
    .await
}

pub(crate) async fn stamp(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Stamp>> {
    sqlx::query_as("select id, organization_id, gateway_id, version from board where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Moves the version of a board that is held: something on it changed.
pub(crate) async fn touch(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("update board set version = version + 1 where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
}
