//! Leads of boards, many at once.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{agent::Agent, phase::Change};

/// A lead that is to be.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub id: Uuid,
    pub board_id: Uuid,
    pub name: String,
}

/// What new leads have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub organization_id: Uuid,
    pub gateway_id: Uuid,
    pub heartbeat_config: &'a Value,
    pub identity_profile: &'a Value,
    pub at: DateTime<Utc>,
}

/// Leads of these boards, those that go among them.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_ids: &[Uuid],
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent where board_id = any($1) and organization_id = $2 and is_board_lead",
    )
    .bind(board_ids)
    .bind(organization_id)
    .fetch_all(conn)
    .await
}

/// Those of the names that nobody on the gateway has, in their order.
pub(crate) async fn list_free_names(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    names: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select wanted.name from unnest($2::text[]) with ordinality as wanted (name, position)
         where not exists (
             select from agent
             where agent.gateway_id = $1 and lower(agent.name) = lower(wanted.name) and agent.leaving_at is null
         )
         order by wanted.position",
    )
    .bind(gateway_id)
    .bind(names)
    .fetch_all(conn)
    .await
}

/// Inserts leads with the rows that will hold their credentials, save those whose board or name somebody else has taken
/// meanwhile; answers the rest.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    common: Common<'_>,
    drafts: &[Draft],
) -> sqlx::Result<Vec<Agent>> {
    let agents: Vec<Agent> = sqlx::query_as(
        "insert into agent (
             id, organization_id, gateway_id, board_id, name, is_board_lead, phase, heartbeat_config,
             identity_profile, created_at, updated_at
         )
         select draft.id, $4, $5, draft.board_id, draft.name, true, 'pending', $6, $7, $8, $8
         from unnest($1::uuid[], $2::uuid[], $3::text[]) as draft (id, board_id, name)
         on conflict do nothing
         returning *",
    )
    .bind(drafts.iter().map(|draft| draft.id).collect::<Vec<_>>())
    .bind(drafts.iter().map(|draft| draft.board_id).collect::<Vec<_>>())
    .bind(drafts.iter().map(|draft| draft.name.as_str()).collect::<Vec<_>>())
    .bind(common.organization_id)
    .bind(common.gateway_id)
    .bind(common.heartbeat_config)
    .bind(common.identity_profile)
    .bind(common.at)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query("insert into agent_token (agent_id) select unnest($1::uuid[])")
        .bind(agents.iter().map(|agent| agent.id).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(agents)
}

/// Has those of the agents tried again that failed; answers them.
pub(crate) async fn retry(
    conn: &mut PgConnection,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Agent>> {
    let from: Vec<&str> = Change::Retry
        .from()
        .iter()
        .map(|phase| phase.as_str())
        .collect();
    sqlx::query_as(
        "with failed as (
             select id from agent where id = any($1) and phase = any($2) and leaving_at is null
             order by id
             for no key update
         )
         update agent set phase = $3, updated_at = $4
         from failed where failed.id = agent.id
         returning agent.*",
    )
    .bind(ids)
    .bind(from)
    .bind(Change::Retry.to().as_str())
    .bind(at)
    .fetch_all(conn)
    .await
}

/// An agent that stays and is about to be changed: nobody else changes it before the transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as("select * from agent where id = $1 and leaving_at is null for no key update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

pub(crate) async fn set_profile(
    conn: &mut PgConnection,
    id: Uuid,
    identity_profile: Option<&Value>,
    at: DateTime<Utc>,
) -> sqlx::Result<Agent> {
    sqlx::query_as(
        "update agent set identity_profile = $2, updated_at = $3 where id = $1 returning *",
    )
    .bind(id)
    .bind(identity_profile)
    .bind(at)
    .fetch_one(conn)
    .await
}

/// Agents that stay, in the order of their ids: what is decided by their phases holds until the transaction ends.
pub(crate) async fn keep(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent where id = any($1) and leaving_at is null order by id for share",
    )
    .bind(ids)
    .fetch_all(conn)
    .await
}
