//! Life-cycle jobs.

use chassis::Page;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{Rows, unknown_word};
use crate::job::{Job, Kind, Requester, Step, Wish};

impl FromRow<'_, PgRow> for Job {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let (kind, step): (&str, &str) = (row.try_get("kind")?, row.try_get("step")?);
        Ok(Self {
            id: row.try_get("id")?,
            agent_id: row.try_get("agent_id")?,
            kind: Kind::parse(kind).ok_or_else(|| unknown_word("kind", kind))?,
            step: Step::parse(step).ok_or_else(|| unknown_word("step", step))?,
            wish: row.try_get::<Json<Wish>, _>("wish")?.0,
            requested_by: requester(row)?,
            again: row.try_get("again")?,
            again_wish: row.try_get::<Json<Wish>, _>("again_wish")?.0,
            pace_again: row.try_get("pace_again")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

fn requester(row: &PgRow) -> sqlx::Result<Option<Requester>> {
    let (user_id, name): (_, Option<String>) = (
        row.try_get("requested_by_id")?,
        row.try_get("requested_by")?,
    );
    Ok(name.map(|name| Requester { user_id, name }))
}

fn json(wish: Wish) -> sqlx::Result<Value> {
    serde_json::to_value(wish).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Inserts jobs with one statement.
pub(crate) async fn insert(conn: &mut PgConnection, jobs: &[Job]) -> sqlx::Result<()> {
    let wishes = jobs.iter().map(|job| json(job.wish));
    let by = |job: &Job| job.requested_by.as_ref().map(|by| by.name.clone());
    let by_id = |job: &Job| job.requested_by.as_ref().and_then(|by| by.user_id);
    sqlx::query(
        "insert into job (id, agent_id, kind, step, wish, requested_by, requested_by_id, created_at)
         select * from unnest(
             $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::uuid[], $8::timestamptz[])",
    )
    .bind(jobs.iter().map(|job| job.id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.agent_id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.step.as_str()).collect::<Vec<_>>())
    .bind(wishes.collect::<sqlx::Result<Vec<_>>>()?)
    .bind(jobs.iter().map(by).collect::<Vec<_>>())
    .bind(jobs.iter().map(by_id).collect::<Vec<_>>())
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

/// Ends a job, with the reason when it was given up; `None` when it has ended before.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    id: Uuid,
    error: Option<&str>,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Job>> {
    sqlx::query_as(
        "update job set finished_at = $2, error = $3 where id = $1 and finished_at is null returning *",
    )
    .bind(id)
    .bind(at)
    .bind(error)
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

/// Has the jobs under way of these agents followed by others with this wish; answers the agents that have one. Nobody
/// settles these jobs before the transaction ends.
pub(crate) async fn repeat(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    wish: Wish,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "with under_way as (
             select id from job
             where agent_id = any($1) and finished_at is null and kind <> 'delete'
             order by id
             for no key update
         )
         update job set again = true, again_wish = again_wish || $2
         from under_way where under_way.id = job.id
         returning job.agent_id",
    )
    .bind(agent_ids)
    .bind(json(wish)?)
    .fetch_all(conn)
    .await
}

/// Has the jobs under way of these agents followed by others that tell their pace; answers the agents that have one.
pub(crate) async fn repeat_pace(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "with under_way as (
             select id from job
             where agent_id = any($1) and finished_at is null and kind <> 'delete'
             order by id
             for no key update
         )
         update job set pace_again = true
         from under_way where under_way.id = job.id
         returning job.agent_id",
    )
    .bind(agent_ids)
    .fetch_all(conn)
    .await
}

/// What follows a job under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follower {
    /// A job that does all that one of its kind does.
    Whole,
    /// A job that at least tells the pace.
    Pace,
}

/// Whether one of these agents has a job under way that is not followed by such a one: it began after the jobs were told to
/// be followed, and may have read what was true before. Ask while the agents are locked; then none begins any more.
pub(crate) async fn is_any_unfollowed(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    by: Follower,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (
             select from job
             where agent_id = any($1) and finished_at is null and kind <> 'delete'
               and not (again or pace_again and $2))",
    )
    .bind(agent_ids)
    .bind(by == Follower::Pace)
    .fetch_one(conn)
    .await
}

/// A job, and how far its delivery is.
#[derive(Debug)]
pub(crate) struct Progress {
    pub job: Job,
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it was given up.
    pub error: Option<String>,
    /// Absent when something else took its place before it ended.
    pub delivery: Option<Carried>,
}

/// How far the delivery of a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub state: String,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub deadline_at: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Progress {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let delivery = match row.try_get("state")? {
            Some(state) => Some(Carried {
                state,
                attempts: row.try_get("attempts")?,
                last_error: row.try_get("last_error")?,
                next_attempt_at: row.try_get("next_attempt_at")?,
                deadline_at: row.try_get("deadline_at")?,
            }),
            None => None,
        };
        Ok(Self {
            job: Job::from_row(row)?,
            finished_at: row.try_get("finished_at")?,
            error: row.try_get("error")?,
            delivery,
        })
    }
}

/// Jobs of an agent, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    agent_id: Uuid,
    page: &Page,
) -> sqlx::Result<Rows<Progress>> {
    let items = sqlx::query_as(
        "select job.*, delivery.state, delivery.attempts, delivery.last_error, delivery.next_attempt_at,
                delivery.deadline_at
         from job left join delivery on delivery.id = job.id
         where job.agent_id = $1 and ($2::timestamptz is null or (job.created_at, job.id) < ($2, $3))
         order by job.created_at desc, job.id desc
         limit $4 offset $5",
    )
    .bind(agent_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar("select count(*) from job where agent_id = $1")
        .bind(agent_id)
        .fetch_one(conn)
        .await?;
    Ok(Rows { items, total })
}

/// What the last job of each of these agents was to do and what was to follow it, if it was given up.
pub(crate) async fn list_last_wishes(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Wish)>> {
    let rows: Vec<(Uuid, Json<Wish>)> = sqlx::query_as(
        "select distinct on (agent_id) agent_id,
                case when error is null then '{}'::jsonb else wish || again_wish end
         from job
         where agent_id = any($1) and kind <> 'delete'
         order by agent_id, created_at desc, id desc",
    )
    .bind(agent_ids)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, wish)| (id, wish.0)).collect())
}
