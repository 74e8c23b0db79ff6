//! Counts per bucket, both windows of a dashboard at once.

use sqlx::PgConnection;

use crate::figures::{Cell, Completions, Flow, Outcomes, Scope, Windows};

/// The two windows as a relation `span`; it binds $3 to $8.
macro_rules! spans {
    () => {
        "with span (is_primary, since, until, buckets) as (
             values (true, $3::timestamptz, $4::timestamptz, $5::timestamptz[]),
                 (false, $6::timestamptz, $7::timestamptz, $8::timestamptz[])
         ) "
    };
}

macro_rules! bind_spans {
    ($query:expr, $scope:expr, $windows:expr) => {
        $query
            .persistent(false)
            .bind($scope.organization_id)
            .bind(&$scope.boards)
            .bind($windows.primary.since)
            .bind($windows.primary.until)
            .bind(&$windows.primary.buckets)
            .bind($windows.comparison.since)
            .bind($windows.comparison.until)
            .bind(&$windows.comparison.buckets)
    };
}

/// Cycles by the bucket in which they were completed.
pub(crate) async fn completions(
    conn: &mut PgConnection,
    scope: &Scope,
    windows: &Windows,
) -> sqlx::Result<Vec<(Cell, Completions)>> {
    let query = sqlx::query_as(concat!(
        spans!(),
        "select span.is_primary, width_bucket(task_cycle.done_at, span.buckets), count(*),
             coalesce(avg(task_cycle.seconds) / 3600, 0)
         from span join task_cycle
             on task_cycle.done_at > span.since and task_cycle.done_at <= span.until
         where task_cycle.organization_id = $1 and ($2::uuid[] is null or task_cycle.board_id = any ($2))
         group by 1, 2",
    ));
    let rows: Vec<(bool, i32, i64, f64)> =
        bind_spans!(query, scope, windows).fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(primary, bucket, count, mean_hours)| {
            (Cell { primary, bucket }, Completions { count, mean_hours })
        })
        .collect())
}

/// Events of tasks of boards that are there, by the bucket in which they happened.
pub(crate) async fn outcomes(
    conn: &mut PgConnection,
    scope: &Scope,
    windows: &Windows,
) -> sqlx::Result<Vec<(Cell, Outcomes)>> {
    let query = sqlx::query_as(concat!(
        spans!(),
        "select span.is_primary, width_bucket(event.occurred_at, span.buckets), count(*),
             count(*) filter (where event.failed)
         from span join event on event.occurred_at > span.since and event.occurred_at <= span.until
         where event.organization_id = $1 and event.task_id is not null
             and ($2::uuid[] is null or event.board_id = any ($2))
             and not exists (
                 select 1 from board_state where board_state.board_id = event.board_id and board_state.deleted_at is not null)
         group by 1, 2",
    ));
    let rows: Vec<(bool, i32, i64, i64)> =
        bind_spans!(query, scope, windows).fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(primary, bucket, events, failures)| {
            (Cell { primary, bucket }, Outcomes { events, failures })
        })
        .collect())
}

/// Tasks that entered and left each status, by bucket. Who was there before the first bucket entered in the first.
pub(crate) async fn flows(
    conn: &mut PgConnection,
    scope: &Scope,
    windows: &Windows,
) -> sqlx::Result<Vec<Flow>> {
    let query = sqlx::query_as(concat!(
        spans!(),
        "select span.is_primary, edge.bucket, stay.status, sum(edge.change)
         from span
         join task_stay as stay
             on stay.entered_at <= span.until and (stay.left_at is null or stay.left_at >= span.buckets[1])
         cross join lateral (
             select greatest(width_bucket(stay.entered_at, span.buckets), 1) as bucket, 1 as change
             union all
             select width_bucket(stay.left_at, span.buckets), -1 where stay.left_at <= span.until
         ) as edge
         where stay.organization_id = $1 and ($2::uuid[] is null or stay.board_id = any ($2))
         group by 1, 2, 3",
    ));
    let rows: Vec<(bool, i32, String, i64)> =
        bind_spans!(query, scope, windows).fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(primary, bucket, status, change)| Flow {
            cell: Cell { primary, bucket },
            status,
            change,
        })
        .collect())
}
