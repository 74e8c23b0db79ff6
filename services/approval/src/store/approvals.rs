//! Approvals as rows. A read brings links and votes along: there is no query per row.

mod row;

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use self::row::{Row, select};
use crate::{
    approval::{Approval, Requester, Status},
    dry_run::{EXAMINED, Past},
    error::Result,
};

/// Lets one transaction at a time change approvals of a board, so that what each tells of the counts is exact and told in
/// order. Take it before anything else is locked.
pub(crate) async fn lock_board(conn: &mut PgConnection, board_id: Uuid) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('approval.board:' || $1::text, 0))")
        .bind(board_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores a pending approval without its links.
pub(crate) async fn insert(conn: &mut PgConnection, approval: &Approval) -> Result<()> {
    let (request, terms) = (&approval.request, &approval.terms);
    sqlx::query(
        "insert into approval (id, organization_id, board_id, action_type, payload, confidence, rubric_scores, status,
             created_by_user_id, created_by_agent_id, requester, created_at, opened_at, round, version,
             required_approvals, self_approval_forbidden, policy_id, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(approval.id)
    .bind(approval.organization_id)
    .bind(approval.board_id)
    .bind(&request.action_type)
    .bind(&request.payload)
    .bind(request.confidence)
    .bind(Json(&request.rubric_scores))
    .bind(approval.user_id())
    .bind(approval.agent_id())
    .bind(approval.requester.map(Requester::as_str))
    .bind(approval.created_at)
    .bind(approval.opened_at)
    .bind(approval.round)
    .bind(approval.version)
    .bind(terms.required_approvals)
    .bind(terms.self_approval_forbidden)
    .bind(terms.policy_id)
    .bind(terms.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the row of an approval until the transaction ends; whether there is one. Read it afterwards, not before.
pub(crate) async fn lock(conn: &mut PgConnection, board_id: Uuid, id: Uuid) -> Result<bool> {
    let found: Option<i32> =
        sqlx::query_scalar("select 1 from approval where id = $1 and board_id = $2 for update")
            .bind(id)
            .bind(board_id)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    board_id: Uuid,
    id: Uuid,
) -> Result<Option<Approval>> {
    let row: Option<Row> = sqlx::query_as(select!("where a.id = $1 and a.board_id = $2"))
        .bind(id)
        .bind(board_id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Row::into_approval).transpose()?)
}

/// Approvals of a board, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    board_id: Uuid,
    status: Option<Status>,
    page: &Page,
) -> Result<Vec<Approval>> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where a.board_id = $1
           and ($2::text is null or a.status = $2)
           and ($3::timestamptz is null or (a.created_at, a.id) < ($3, $4))
         order by a.created_at desc, a.id desc
         limit $5 offset $6"
    ))
    .bind(board_id)
    .bind(status.map(Status::as_str))
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await?;
    approvals(rows)
}

/// Approvals by id, newest first. Ids of none are left out.
pub(crate) async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Approval>> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where a.id = any($1) order by a.created_at desc, a.id desc"
    ))
    .bind(ids)
    .fetch_all(conn)
    .await?;
    approvals(rows)
}

/// How many approvals a board has.
pub(crate) async fn count(
    conn: &mut PgConnection,
    board_id: Uuid,
    status: Option<Status>,
) -> Result<i64> {
    let count = sqlx::query_scalar(
        "select count(*) from approval where board_id = $1 and ($2::text is null or status = $2)",
    )
    .bind(board_id)
    .bind(status.map(Status::as_str))
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Pending approvals whose time is over, with their boards, the longest overdue first.
pub(crate) async fn list_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid)>> {
    let due = sqlx::query_as(
        "select board_id, id from approval
         where status = 'pending' and expires_at <= $1
         order by expires_at, id limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(due)
}

/// What policies judge by of the newest approvals of an organization, newest first.
pub(crate) async fn list_past(
    conn: &mut PgConnection,
    organization_id: Uuid,
    since: DateTime<Utc>,
) -> Result<Vec<Past>> {
    let rows: Vec<row::Past> = sqlx::query_as(
        "select a.id, a.action_type, a.board_id, a.confidence, a.requester, a.status,
                a.created_by_user_id, a.resolved_by_user_id, v.approved_by
         from approval a
         cross join lateral (
             select coalesce(array_agg(user_id), '{}') as approved_by
             from approval_vote where approval_id = a.id and round = a.round
         ) v
         where a.organization_id = $1 and a.created_at >= $2
         order by a.created_at desc, a.id desc limit $3",
    )
    .bind(organization_id)
    .bind(since)
    .bind(EXAMINED)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(row::Past::into_past)
        .collect::<sqlx::Result<_>>()?)
}

fn approvals(rows: Vec<Row>) -> Result<Vec<Approval>> {
    Ok(rows
        .into_iter()
        .map(Row::into_approval)
        .collect::<sqlx::Result<_>>()?)
}
