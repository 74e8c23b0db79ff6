//! Life-cycle jobs.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::unknown_word;
use crate::job::{Job, Kind, Step};

impl FromRow<'_, PgRow> for Job {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let (kind, step): (&str, &str) = (row.try_get("kind")?, row.try_get("step")?);
        Ok(Self {
            id: row.try_get("id")?,
            agent_id: row.try_get("agent_id")?,
            kind: Kind::parse(kind).ok_or_else(|| unknown_word("kind", kind))?,
            step: Step::parse(step).ok_or_else(|| unknown_word("step", step))?,
            requested_by: row.try_get("requested_by")?,
            again: row.try_get("again")?,
            pace_again: row.try_get("pace_again")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Inserts jobs with one statement.
pub(crate) async fn insert(conn: &mut PgConnection, jobs: &[Job]) -> sqlx::Result<()> {
    sqlx::query(
        "insert into job (id, agent_id, kind, step, requested_by, created_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])",
    )
    .bind(jobs.iter().map(|job| job.id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.agent_id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.step.as_str()).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.requested_by.as_deref()).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.created_at).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// A job that is still to be done.
pub(crate) async fn find_unfinished(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Job>> {
    sqlx::query_as("select * from job where id = $1 and finished_at is null")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Whether the agent has a job that is still to be done.
pub(crate) async fn exists_unfinished(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from job where agent_id = $1 and finished_at is null)",
    )
    .bind(agent_id)
    .fetch_one(conn)
    .await
}

/// Records that a step is done, unless another worker of the same job recorded it already.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    id: Uuid,
    done: Step,
    next: Step,
) -> sqlx::Result<bool> {
    let moved =
        sqlx::query("update job set step = $3 where id = $1 and step = $2 and finished_at is null")
            .bind(id)
            .bind(done.as_str())
            .bind(next.as_str())
            .execute(conn)
            .await?;
    Ok(moved.rows_affected() == 1)
}

/// Ends a job, whatever became of it; `None` when it has ended before.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Job>> {
    sqlx::query_as(
        "update job set finished_at = $2 where id = $1 and finished_at is null returning *",
    )
    .bind(id)
    .bind(at)
    .fetch_optional(conn)
    .await
}

/// Has every job under way on a gateway followed by another: what it wrote may be out of date already.
pub(crate) async fn repeat_on_gateway(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    main_only: bool,
) -> sqlx::Result<()> {
    sqlx::query(
        "update job set again = true
         from agent
         where agent.id = job.agent_id and agent.gateway_id = $1 and job.finished_at is null
           and (agent.board_id is null or not $2)",
    )
    .bind(gateway_id)
    .bind(main_only)
    .execute(conn)
    .await?;
    Ok(())
}
