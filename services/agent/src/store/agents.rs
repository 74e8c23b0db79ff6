//! Agents.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Rows, unknown_word};
use crate::{
    agent::Agent,
    phase::{Change, Phase},
};

impl FromRow<'_, PgRow> for Agent {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let phase: &str = row.try_get("phase")?;
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            gateway_id: row.try_get("gateway_id")?,
            board_id: row.try_get("board_id")?,
            name: row.try_get("name")?,
            is_board_lead: row.try_get("is_board_lead")?,
            phase: Phase::parse(phase).ok_or_else(|| unknown_word("phase", phase))?,
            last_error: row.try_get("last_error")?,
            heartbeat_config: row.try_get("heartbeat_config")?,
            identity_profile: row.try_get("identity_profile")?,
            identity_template: row.try_get("identity_template")?,
            soul_template: row.try_get("soul_template")?,
            last_seen_at: row.try_get("last_seen_at")?,
            provisioned_at: row.try_get("provisioned_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Which agents a list shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub organization_id: Uuid,
    pub board_id: Option<Uuid>,
    pub gateway_id: Option<Uuid>,
}

/// Inserts an agent together with the row that will hold its credential.
pub(crate) async fn insert(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<()> {
    sqlx::query(
        "insert into agent (
             id, organization_id, gateway_id, board_id, name, is_board_lead, phase, heartbeat_config,
             identity_profile, identity_template, soul_template, created_at, updated_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(agent.id)
    .bind(agent.organization_id)
    .bind(agent.gateway_id)
    .bind(agent.board_id)
    .bind(&agent.name)
    .bind(agent.is_board_lead)
    .bind(agent.phase.as_str())
    .bind(&agent.heartbeat_config)
    .bind(&agent.identity_profile)
    .bind(&agent.identity_template)
    .bind(&agent.soul_template)
    .bind(agent.created_at)
    .bind(agent.updated_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query("insert into agent_token (agent_id) values ($1)")
        .bind(agent.id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as("select * from agent where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Agents by id, in no order.
pub(crate) async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as("select * from agent where id = any($1)")
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Agents of a board, oldest first.
pub(crate) async fn list_by_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as("select * from agent where board_id = $1 order by created_at, id limit 2000")
        .bind(board_id)
        .fetch_all(conn)
        .await
}

pub(crate) async fn list(
    conn: &mut PgConnection,
    filter: Filter,
    page: &Page,
) -> sqlx::Result<Rows<Agent>> {
    let items = sqlx::query_as(
        "select * from agent
         where organization_id = $1
           and ($2::uuid is null or board_id = $2)
           and ($3::uuid is null or gateway_id = $3)
           and ($4::timestamptz is null or (created_at, id) < ($4, $5))
         order by created_at desc, id desc
         limit $6 offset $7",
    )
    .bind(filter.organization_id)
    .bind(filter.board_id)
    .bind(filter.gateway_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar(
        "select count(*) from agent
         where organization_id = $1
           and ($2::uuid is null or board_id = $2)
           and ($3::uuid is null or gateway_id = $3)",
    )
    .bind(filter.organization_id)
    .bind(filter.board_id)
    .bind(filter.gateway_id)
    .fetch_one(conn)
    .await?;
    Ok(Rows { items, total })
}

/// A gateway of the organization and its main agent, if it has one.
pub(crate) async fn main_of(
    conn: &mut PgConnection,
    organization_id: Uuid,
    gateway_id: Uuid,
) -> sqlx::Result<Option<(Uuid, Option<Uuid>)>> {
    sqlx::query_as(
        "select gateway.id, agent.id
         from gateway left join agent on agent.gateway_id = gateway.id and agent.board_id is null
         where gateway.id = $1 and gateway.organization_id = $2",
    )
    .bind(gateway_id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// Counts the workers of a board and keeps everybody else from counting until the transaction ends, so that of two who
/// want the last place one sees the other.
pub(crate) async fn count_workers(conn: &mut PgConnection, board_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('agent.board/' || $1::text, 0))")
        .bind(board_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar(
        "select count(*) from agent where board_id = $1 and not is_board_lead and phase <> 'deleting'",
    )
    .bind(board_id)
    .fetch_one(conn)
    .await
}

/// The lead of a board and the named agents of it. Their phases stand still until the transaction ends, so that what is
/// decided by them holds.
pub(crate) async fn list_recipients(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_id: Uuid,
    named: &[Uuid],
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent
         where board_id = $1 and organization_id = $2 and (is_board_lead or id = any($3)) and phase <> 'deleting'
         order by id
         for share",
    )
    .bind(board_id)
    .bind(organization_id)
    .bind(named)
    .fetch_all(conn)
    .await
}

/// Changes the phase if the change is lawful where the agent is; `None` when it is not.
pub(crate) async fn change_phase(
    conn: &mut PgConnection,
    id: Uuid,
    change: Change,
    last_error: Option<&str>,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    let from: Vec<&str> = change.from().iter().map(|phase| phase.as_str()).collect();
    sqlx::query_as(
        "update agent
         set phase = $3,
             last_error = $4,
             provisioned_at = case when $3 = 'ready' then $5 else provisioned_at end,
             updated_at = $5
         where id = $1 and phase = any($2)
         returning *",
    )
    .bind(id)
    .bind(from)
    .bind(change.to().as_str())
    .bind(last_error)
    .bind(at)
    .fetch_optional(conn)
    .await
}

/// Tells why the present job has not come further yet.
pub(crate) async fn note_error(
    conn: &mut PgConnection,
    id: Uuid,
    error: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("update agent set last_error = $2, updated_at = $3 where id = $1")
        .bind(id)
        .bind(error)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Names the main agent of a gateway anew; `None` when the gateway has none.
pub(crate) async fn rename_main(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    name: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as(
        "update agent set name = $2, updated_at = $3 where gateway_id = $1 and board_id is null returning *",
    )
    .bind(gateway_id)
    .bind(name)
    .bind(at)
    .fetch_optional(conn)
    .await
}

/// Applies a change of phase to those agents of a gateway, or to its main agent alone, that are in a phase for it.
pub(crate) async fn change_phases_on_gateway(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    change: Change,
    main_only: bool,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Agent>> {
    let from: Vec<&str> = change.from().iter().map(|phase| phase.as_str()).collect();
    sqlx::query_as(
        "with stale as (
             select id from agent
             where gateway_id = $1 and phase = any($3) and (board_id is null or not $2)
             order by id
             for no key update
         )
         update agent set phase = $5, updated_at = $4
         from stale where stale.id = agent.id
         returning agent.*",
    )
    .bind(gateway_id)
    .bind(main_only)
    .bind(from)
    .bind(at)
    .bind(change.to().as_str())
    .fetch_all(conn)
    .await
}
