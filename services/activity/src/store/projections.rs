//! State that figures and names are drawn from, kept in the transaction that appends the event.

mod agents;
mod approvals;
mod boards;
mod tasks;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{projection::Change, store::retention};

pub(crate) use agents::see as see_agent;

/// The event that changes something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) sequence: i64,
    pub(crate) organization_id: Uuid,
    pub(crate) at: DateTime<Utc>,
}

/// Applies a change.
pub(crate) async fn apply(
    conn: &mut PgConnection,
    change: &Change,
    cause: Cause,
) -> sqlx::Result<()> {
    match change {
        Change::Board(board) => boards::put(conn, board, cause).await,
        Change::BoardDeleted(board) => {
            boards::put(conn, board, cause).await?;
            boards::delete(conn, board.id, cause).await
        }
        Change::Group(group) => boards::put_group(conn, group, cause).await,
        Change::GroupDeleted(group) => {
            boards::put_group(conn, group, cause).await?;
            boards::delete_group(conn, group.id, cause).await
        }
        Change::Task(task) => tasks::put(conn, task, cause).await,
        Change::TaskDeleted(task) => tasks::delete(conn, task, cause).await,
        Change::Agent(agent) => agents::put(conn, agent, cause).await,
        Change::AgentDeleted(agent) => {
            agents::put(conn, agent, cause).await?;
            agents::delete(conn, agent.id, cause).await
        }
        Change::Approval(approval) => approvals::put(conn, approval, cause).await,
        Change::Retention(days) => retention::set_days(conn, cause.organization_id, *days).await,
        Change::OrganizationDeleted => {
            retention::forget_organization(conn, cause.organization_id, cause.at).await?;
            delete_organization(conn, cause.organization_id).await
        }
    }
}

/// Everything of an organization; its rows of the log are for retention.
async fn delete_organization(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<()> {
    for statement in [
        "delete from task_stay where organization_id = $1",
        "delete from task_cycle where organization_id = $1",
        "delete from task_state where organization_id = $1",
        "delete from approval_state where organization_id = $1",
        "delete from agent_state where organization_id = $1",
        "delete from group_state where organization_id = $1",
        "delete from board_state where organization_id = $1",
    ] {
        sqlx::query(statement)
            .bind(organization_id)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
