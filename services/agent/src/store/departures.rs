//! Agents that go, and gateways that go with them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{agent::Agent, gateway::Gateway, phase::Change};

/// Whose agents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Board(Uuid),
    Organization(Uuid),
}

impl Whose {
    pub(super) const fn board(self) -> Option<Uuid> {
        match self {
            Self::Board(id) => Some(id),
            Self::Organization(_) => None,
        }
    }

    pub(super) const fn organization(self) -> Option<Uuid> {
        match self {
            Self::Board(_) => None,
            Self::Organization(id) => Some(id),
        }
    }
}

/// Remembers that a board or an organization is gone, and forgets those of which nobody can be late any more.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
    forget_before: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "with forgotten as (delete from gone where gone_at < $3)
         insert into gone (id, gone_at) values ($1, $2) on conflict on constraint gone_pkey do nothing",
    )
    .bind(id)
    .bind(at)
    .bind(forget_before)
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of the boards and organizations that are gone.
pub(crate) async fn list_gone(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from gone where id = any($1)")
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Ids of the agents.
pub(crate) async fn list_agents(conn: &mut PgConnection, whose: Whose) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from agent where board_id = $1 or organization_id = $2 order by id",
    )
    .bind(whose.board())
    .bind(whose.organization())
    .fetch_all(conn)
    .await
}

/// The agents as they are; nobody else changes them before the transaction ends.
pub(crate) async fn lock_agents(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("select from agent where id = any($1) order by id for update")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Holds what goes with the rows of agents. Who changes an agent for it holds it before the agent, too.
pub(crate) async fn lock_work(conn: &mut PgConnection, agent_ids: &[Uuid]) -> sqlx::Result<()> {
    for sql in [
        "select from wake where agent_id = any($1) order by id for update",
        "select from job where agent_id = any($1) order by id for update",
        "select from agent_token where agent_id = any($1) order by agent_id for update",
    ] {
        sqlx::query(sql).bind(agent_ids).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Jobs of agents that put them in place and have not ended, and whether an attempt at each is under way.
pub(crate) async fn list_unfinished_jobs(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Uuid, bool)>> {
    sqlx::query_as(
        "select job.id, job.agent_id, coalesce(delivery.state = 'sending', false)
         from job left join delivery on delivery.id = job.id
         where job.agent_id = any($1) and job.finished_at is null and job.kind <> 'delete'",
    )
    .bind(agent_ids)
    .fetch_all(conn)
    .await
}

/// Ends jobs that are not to be done any more.
pub(crate) async fn finish_jobs(
    conn: &mut PgConnection,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update job set finished_at = $2, error = 'superseded: something else was wanted of the agent'
         where id = any($1) and finished_at is null",
    )
        .bind(ids)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// No token of these agents is valid any more.
pub(crate) async fn revoke_tokens(conn: &mut PgConnection, agent_ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "update agent_token set current_hash = null, next_hash = null, newest_sealed = null, is_written = true
         where agent_id = any($1)",
    )
    .bind(agent_ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Has agents go that are not going already, and those of which the gateway did not let go; answers them as they are now,
/// each with whether it only now begins to go.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Agent, bool)>> {
    let from: Vec<&str> = Change::Leave
        .from()
        .iter()
        .map(|phase| phase.as_str())
        .collect();
    let rows = sqlx::query(
        "with before as (
             select id, leaving_at is null as newly from agent
             where id = any($1) and phase = any($3)
             order by id
             for update
         )
         update agent
         set phase = $4, leaving_at = coalesce(leaving_at, $2), last_error = null, wake_attempts = 0,
             checkin_deadline_at = null, updated_at = $2
         from before where before.id = agent.id
         returning agent.*, before.newly",
    )
    .bind(agent_ids)
    .bind(at)
    .bind(from)
    .bind(Change::Leave.to().as_str())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            use sqlx::{FromRow, Row};
            Ok((Agent::from_row(row)?, row.try_get("newly")?))
        })
        .collect()
}

/// Forgets what agents were told and are to be told; answers the ids of the notices.
pub(crate) async fn delete_notices(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("delete from notice where agent_id = any($1) returning id")
        .bind(agent_ids)
        .fetch_all(conn)
        .await
}

/// Ids of whatever has a delivery for the sake of these agents: their jobs, notices and wake-ups.
pub(crate) async fn list_deliveries(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from job where agent_id = any($1) union all select id from notice where agent_id = any($1)
         union all select id from wake where agent_id = any($1)",
    )
    .bind(agent_ids)
    .fetch_all(conn)
    .await
}

/// Deletes agents with all that hangs on them; answers them as they were.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as("delete from agent where id = any($1) returning *")
        .bind(agent_ids)
        .fetch_all(conn)
        .await
}

/// Has the gateways of an organization go; answers the ids of all that do.
pub(crate) async fn begin_gateways(
    conn: &mut PgConnection,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "update gateway set leaving_at = coalesce(leaving_at, $2), updated_at = $2
         where organization_id = $1
         returning id",
    )
    .bind(organization_id)
    .bind(at)
    .fetch_all(conn)
    .await
}

/// Of two agents that are the last of a gateway that goes, one sees that the other is gone. Answers whether it goes.
pub(crate) async fn lock_leaving_gateway(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let locked =
        sqlx::query("select from gateway where id = $1 and leaving_at is not null for update")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(locked.is_some())
}

/// Deletes those of the gateways that go and have no agent any more; answers them as they were.
pub(crate) async fn delete_empty_gateways(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Gateway>> {
    sqlx::query_as(
        "delete from gateway
         where id = any($1) and leaving_at is not null
           and not exists (select from agent where agent.gateway_id = gateway.id)
         returning *",
    )
    .bind(ids)
    .fetch_all(conn)
    .await
}

/// Forgets what an agent is to be told and was not told yet; answers the ids of the notices.
pub(crate) async fn delete_open_notices(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "delete from notice
         where agent_id = $1
           and (held or exists (
               select from delivery where delivery.id = notice.id and delivery.state in ('waiting', 'failed')))
         returning id",
    )
    .bind(agent_id)
    .fetch_all(conn)
    .await
}

/// What an agent left on a gateway and is still to be taken away, and whether an attempt at it is under way.
pub(crate) async fn list_leftovers(
    conn: &mut PgConnection,
    agent_id: Uuid,
    gateway_id: Uuid,
) -> sqlx::Result<Vec<(Uuid, bool)>> {
    sqlx::query_as(
        "select id, state = 'sending' from delivery
         where queue = $1 and target = $2::text and (state in ('waiting', 'failed') or state = 'sending')
           and payload ->> 'agent_id' = $3::text",
    )
    .bind(crate::teardown::QUEUE)
    .bind(gateway_id)
    .bind(agent_id)
    .fetch_all(conn)
    .await
}
