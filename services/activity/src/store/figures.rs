//! Counts of the present moment.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::figures::{ByStatus, Outcomes, Present, Scope, Waiting};

/// Whose presence counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// An agent seen after this is counted as seen.
    pub(crate) after: DateTime<Utc>,
    /// Whether main agents of gateways count.
    pub(crate) mains: bool,
}

/// Everything that is counted as it stands.
pub(crate) async fn present(
    conn: &mut PgConnection,
    scope: &Scope,
    seen: Seen,
) -> sqlx::Result<Present> {
    type Counts = (i64, i64, i64, i64, i64, i64, i64, i64);
    let (inbox, in_progress, review, done, agents, agents_seen, boards, pending_approvals): Counts =
        sqlx::query_as(
            "select task.inbox, task.in_progress, task.review, task.done, agent.total, agent.seen,
             (select count(*) from board_state
              where organization_id = $1 and deleted_at is null and ($2::uuid[] is null or board_id = any ($2))),
             (select count(*) from approval_state
              where organization_id = $1 and is_pending and ($2::uuid[] is null or board_id = any ($2)))
         from (
             select count(*) filter (where status = 'inbox') as inbox,
                 count(*) filter (where status = 'in_progress') as in_progress,
                 count(*) filter (where status = 'review') as review,
                 count(*) filter (where status = 'done') as done
             from task_state
             where organization_id = $1 and deleted_at is null
                 and ($2::uuid[] is null or board_id = any ($2))
         ) as task, (
             select count(*) as total, count(*) filter (where last_seen_at > $3) as seen
             from agent_state
             where organization_id = $1 and status <> 'deleting' and deleted_at is null
                 and ($2::uuid[] is null or board_id = any ($2))
                 and ($4 or board_id is not null)
         ) as agent",
        )
        .persistent(false)
        .bind(scope.organization_id)
        .bind(&scope.boards)
        .bind(seen.after)
        .bind(seen.mains)
        .fetch_one(conn)
        .await?;
    Ok(Present {
        tasks: ByStatus {
            inbox,
            in_progress,
            review,
            done,
        },
        agents,
        agents_seen,
        boards,
        pending_approvals,
    })
}

/// Events after one moment up to another; those without a board when `boardless`.
pub(crate) async fn outcomes(
    conn: &mut PgConnection,
    scope: &Scope,
    boardless: bool,
    after: DateTime<Utc>,
    up_to: DateTime<Utc>,
) -> sqlx::Result<Outcomes> {
    let (events, failures) = sqlx::query_as(
        "select count(*), count(*) filter (where failed)
         from event
         where organization_id = $1 and occurred_at > $4 and occurred_at <= $5
             and ($2::uuid[] is null or board_id = any ($2))
             and ($3 or board_id is not null)",
    )
    .persistent(false)
    .bind(scope.organization_id)
    .bind(&scope.boards)
    .bind(boardless)
    .bind(after)
    .bind(up_to)
    .fetch_one(conn)
    .await?;
    Ok(Outcomes { events, failures })
}

/// Median time from first work to done over cycles completed after one moment up to another, hours.
pub(crate) async fn median_cycle_hours(
    conn: &mut PgConnection,
    scope: &Scope,
    after: DateTime<Utc>,
    up_to: DateTime<Utc>,
) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar(
        "select percentile_cont(0.5) within group (order by seconds) / 3600
         from task_cycle
         where organization_id = $1 and done_at > $3 and done_at <= $4 and seconds is not null
             and ($2::uuid[] is null or board_id = any ($2))",
    )
    .persistent(false)
    .bind(scope.organization_id)
    .bind(&scope.boards)
    .bind(after)
    .bind(up_to)
    .fetch_one(conn)
    .await
}

/// The newest approvals that wait.
pub(crate) async fn waiting(
    conn: &mut PgConnection,
    scope: &Scope,
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as(
        "select approval_id, approval_state.board_id, coalesce(board_state.name, '') as board_name,
             action_type, confidence, approval_state.created_at, coalesce(task_state.title, task_title) as task_title
         from approval_state
         left join board_state using (board_id)
         left join task_state using (task_id)
         where approval_state.organization_id = $1 and approval_state.is_pending
             and ($2::uuid[] is null or approval_state.board_id = any ($2))
         order by approval_state.created_at desc, approval_id
         limit $3",
    )
    .persistent(false)
    .bind(scope.organization_id)
    .bind(&scope.boards)
    .bind(limit)
    .fetch_all(conn)
    .await
}
