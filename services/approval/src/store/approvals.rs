//! Approvals as rows. A read brings the links along: there is no query per row.

use std::collections::BTreeMap;

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    approval::{Approval, Creator, Decision, Link, Request, Resolution, Status},
    error::Result,
};

/// A statement that reads approvals with their links, ordered as they were named.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select a.id, a.organization_id, a.board_id, a.action_type, a.payload, a.confidence, a.rubric_scores, a.status,
                    a.created_by_user_id, a.created_by_agent_id, a.created_at,
                    a.resolved_by_user_id, a.resolved_by_name, a.note, a.resolved_at,
                    l.task_ids, l.titles, l.cycles
             from approval a
             cross join lateral (
                 select coalesce(array_agg(task_id order by position), '{}') as task_ids,
                        coalesce(array_agg(title order by position), '{}') as titles,
                        coalesce(array_agg(cycle order by position), '{}') as cycles
                 from approval_task where approval_id = a.id
             ) l ",
            $rest
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    board_id: Uuid,
    action_type: String,
    payload: Option<serde_json::Value>,
    confidence: f64,
    rubric_scores: Json<BTreeMap<String, i32>>,
    status: String,
    created_by_user_id: Option<Uuid>,
    created_by_agent_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    resolved_by_user_id: Option<Uuid>,
    resolved_by_name: Option<String>,
    note: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    task_ids: Vec<Uuid>,
    titles: Vec<String>,
    cycles: Vec<i32>,
}

impl Row {
    fn into_approval(self) -> sqlx::Result<Approval> {
        let creator = match (self.created_by_user_id, self.created_by_agent_id) {
            (Some(id), _) => Creator::User(id),
            (None, Some(id)) => Creator::Agent(id),
            (None, None) => return Err(corrupt("created_by_user_id", "nobody created it")),
        };
        let resolution = match (
            self.resolved_by_user_id,
            self.resolved_by_name,
            self.resolved_at,
        ) {
            (Some(user_id), Some(user_name), Some(at)) => {
                let decision = Decision::parse(&self.status)
                    .ok_or_else(|| corrupt("status", "resolved without a decision"))?;
                Some(Resolution {
                    decision,
                    user_id,
                    user_name,
                    note: self.note,
                    at,
                })
            }
            _ => None,
        };
        let links = self.task_ids.into_iter().zip(self.titles).zip(self.cycles);
        Ok(Approval {
            id: self.id,
            organization_id: self.organization_id,
            board_id: self.board_id,
            request: Request {
                action_type: self.action_type,
                payload: self.payload,
                confidence: self.confidence,
                rubric_scores: self.rubric_scores.0,
            },
            links: links
                .map(|((task_id, title), cycle)| Link {
                    task_id,
                    title,
                    cycle,
                })
                .collect(),
            creator,
            created_at: self.created_at,
            resolution,
        })
    }
}

/// A row that the constraints do not admit.
fn corrupt(column: &str, why: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: why.into(),
    }
}

/// Stores a pending approval without its links.
pub(crate) async fn insert(conn: &mut PgConnection, approval: &Approval) -> Result<()> {
    let request = &approval.request;
    sqlx::query(
        "insert into approval (id, organization_id, board_id, action_type, payload, confidence, rubric_scores, status,
             created_by_user_id, created_by_agent_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10)",
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
    .bind(approval.created_at)
    .execute(conn)
    .await?;
    Ok(())
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
    Ok(rows
        .into_iter()
        .map(Row::into_approval)
        .collect::<sqlx::Result<_>>()?)
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

/// Decides an approval that is still pending. Answers whether it was: of two deciders one is told no.
pub(crate) async fn resolve(
    conn: &mut PgConnection,
    board_id: Uuid,
    id: Uuid,
    resolution: &Resolution,
) -> Result<bool> {
    let done = sqlx::query(
        "update approval
         set status = $3, resolved_by_user_id = $4, resolved_by_name = $5, note = $6, resolved_at = $7
         where id = $1 and board_id = $2 and status = 'pending'",
    )
    .bind(id)
    .bind(board_id)
    .bind(resolution.decision.as_str())
    .bind(resolution.user_id)
    .bind(&resolution.user_name)
    .bind(&resolution.note)
    .bind(resolution.at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
