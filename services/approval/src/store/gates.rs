//! What approvals say about a task, in one indexed read.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// What approvals say about one cycle of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Gate {
    /// Whether an approved approval is linked to this cycle.
    pub approved: bool,
    /// The approval that the task waits for, whatever the cycle. It waits for none whose time is over.
    pub pending_approval_id: Option<Uuid>,
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    board_id: Uuid,
    task_id: Uuid,
    cycle: i32,
    now: DateTime<Utc>,
) -> Result<Gate> {
    let gate = sqlx::query_as(
        "select coalesce(bool_or(a.status = 'approved' and l.cycle = $3), false) as approved,
                (array_agg(a.id) filter (where l.pending and (a.expires_at > $4) is not false))[1] as pending_approval_id
         from approval_task l
         join approval a on a.id = l.approval_id
         where l.task_id = $2 and a.board_id = $1",
    )
    .bind(board_id)
    .bind(task_id)
    .bind(cycle)
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(gate)
}
