//! Boards as rows.

use chassis::{BoardScope, Page};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::stored_word;
use crate::{
    board::{Board, Content, Governance, Kind},
    task::gate::Rules,
    visible::Visible,
};

macro_rules! columns {
    () => {
        "id, organization_id, name, slug, description, gateway_id, board_type, objective, success_metrics, \
         target_date, goal_confirmed, goal_source, require_approval_for_done, require_review_before_done, \
         comment_required_for_review, block_status_changes_with_pending_approval, only_lead_can_change_status, \
         max_agents, created_at, updated_at, version"
    };
}

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
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        })
    }
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

pub(crate) async fn insert(conn: &mut PgConnection, board: &Board) -> sqlx::Result<()> {
    let (content, governance) = (&board.content, &board.governance);
    sqlx::query(
        "insert into board (
             id, organization_id, name, slug, description, gateway_id, board_type, objective, success_metrics,
             target_date, goal_confirmed, goal_source, require_approval_for_done, require_review_before_done,
             comment_required_for_review, block_status_changes_with_pending_approval, only_lead_can_change_status,
             max_agents, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(board.id)
    .bind(board.organization_id)
    .bind(&content.name)
    .bind(&content.slug)
    .bind(&content.description)
    .bind(governance.gateway_id)
    .bind(content.kind.as_str())
    .bind(&content.objective)
    .bind(&content.success_metrics)
    .bind(content.target_date)
    .bind(content.goal_confirmed)
    .bind(&content.goal_source)
    .bind(governance.rules.require_approval_for_done)
    .bind(governance.rules.require_review_before_done)
    .bind(governance.rules.comment_required_for_review)
    .bind(governance.rules.block_status_changes_with_pending_approval)
    .bind(governance.rules.only_lead_can_change_status)
    .bind(governance.max_agents)
    .bind(board.created_at)
    .bind(board.updated_at)
    .bind(board.version)
    .execute(conn)
    .await
    .map(drop)
}

/// Writes a board that is held.
pub(crate) async fn update(conn: &mut PgConnection, board: &Board) -> sqlx::Result<()> {
    let (content, governance) = (&board.content, &board.governance);
    sqlx::query(
        "update board
            set name = $2, slug = $3, description = $4, gateway_id = $5, board_type = $6, objective = $7,
                success_metrics = $8, target_date = $9, goal_confirmed = $10, goal_source = $11,
                require_approval_for_done = $12, require_review_before_done = $13,
                comment_required_for_review = $14, block_status_changes_with_pending_approval = $15,
                only_lead_can_change_status = $16, max_agents = $17, updated_at = $18, version = $19
          where id = $1",
    )
    .bind(board.id)
    .bind(&content.name)
    .bind(&content.slug)
    .bind(&content.description)
    .bind(governance.gateway_id)
    .bind(content.kind.as_str())
    .bind(&content.objective)
    .bind(&content.success_metrics)
    .bind(content.target_date)
    .bind(content.goal_confirmed)
    .bind(&content.goal_source)
    .bind(governance.rules.require_approval_for_done)
    .bind(governance.rules.require_review_before_done)
    .bind(governance.rules.comment_required_for_review)
    .bind(governance.rules.block_status_changes_with_pending_approval)
    .bind(governance.rules.only_lead_can_change_status)
    .bind(governance.max_agents)
    .bind(board.updated_at)
    .bind(board.version)
    .execute(conn)
    .await
    .map(drop)
}
