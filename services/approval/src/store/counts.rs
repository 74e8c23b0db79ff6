//! How many approvals a board and its tasks have.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::Status,
    counts::{Counts, TaskCounts},
    error::Result,
    store::approvals,
};

/// Pending approvals of a board, and what these of its tasks have.
pub(crate) async fn find(
    conn: &mut PgConnection,
    board_id: Uuid,
    task_ids: &[Uuid],
) -> Result<Counts> {
    let pending = approvals::count(&mut *conn, board_id, Some(Status::Pending)).await?;
    let rows: Vec<(Uuid, i64, i64)> = if task_ids.is_empty() {
        Vec::new()
    } else {
        sqlx::query_as(
            "select task_id, count(*), count(*) filter (where pending)
             from approval_task where task_id = any($1) group by task_id",
        )
        .bind(task_ids)
        .fetch_all(conn)
        .await?
    };
    Ok(Counts {
        pending,
        tasks: tasks(rows),
    })
}

/// Pending approvals of a board, and what every task of it has that has any.
pub(crate) async fn find_all(conn: &mut PgConnection, board_id: Uuid) -> Result<Counts> {
    let pending = approvals::count(&mut *conn, board_id, Some(Status::Pending)).await?;
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "select l.task_id, count(*), count(*) filter (where l.pending)
         from approval a join approval_task l on l.approval_id = a.id
         where a.board_id = $1 group by l.task_id",
    )
    .bind(board_id)
    .fetch_all(conn)
    .await?;
    Ok(Counts {
        pending,
        tasks: tasks(rows),
    })
}

fn tasks(rows: Vec<(Uuid, i64, i64)>) -> HashMap<Uuid, TaskCounts> {
    rows.into_iter()
        .map(|(task_id, all, pending)| (task_id, TaskCounts { all, pending }))
        .collect()
}
