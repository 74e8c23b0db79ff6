//! Agents.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Rows, unknown_word};
use crate::{
    agent::{Agent, Runtime, Wake},
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
            heartbeat_removed: row.try_get("heartbeat_removed")?,
            identity_profile: row.try_get("identity_profile")?,
            identity_template: row.try_get("identity_template")?,
            soul_template: row.try_get("soul_template")?,
            last_seen_at: row.try_get("last_seen_at")?,
            provisioned_at: row.try_get("provisioned_at")?,
            wake: Wake {
                attempts: row.try_get("wake_attempts")?,
                sent_at: row.try_get("last_wake_sent_at")?,
                deadline_at: row.try_get("checkin_deadline_at")?,
            },
            runtime: runtime(row)?,
            leaving_at: row.try_get("leaving_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

fn runtime(row: &PgRow) -> sqlx::Result<Option<Runtime>> {
    let key: Option<String> = row.try_get("runtime_key")?;
    let workspace: Option<String> = row.try_get("runtime_workspace")?;
    Ok(key
        .zip(workspace)
        .map(|(key, workspace)| Runtime { key, workspace }))
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
             identity_profile, identity_template, soul_template, created_at, updated_at, runtime_key,
             runtime_workspace
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
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
    .bind(agent.runtime.as_ref().map(|runtime| &runtime.key))
    .bind(agent.runtime.as_ref().map(|runtime| &runtime.workspace))
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

/// An agent that stays: what is decided by its phase holds until the transaction ends.
pub(crate) async fn keep(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as("select * from agent where id = $1 and leaving_at is null for share")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// An agent that is about to be changed: nobody else changes it before the transaction ends. `None` for one that goes.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as("select * from agent where id = $1 and leaving_at is null for no key update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Locks the agents of a gateway that do not leave it, or its main one alone.
pub(crate) async fn lock_on_gateway(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    main_only: bool,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from agent
         where gateway_id = $1 and leaving_at is null and (board_id is null or not $2)
         order by id
         for no key update",
    )
    .bind(gateway_id)
    .bind(main_only)
    .fetch_all(conn)
    .await
}

/// Writes everything about an agent that people can change.
pub(crate) async fn update(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<()> {
    sqlx::query(
        "update agent
         set name = $2, board_id = $3, gateway_id = $4, heartbeat_config = $5, identity_profile = $6,
             identity_template = $7, soul_template = $8, updated_at = $9, heartbeat_removed = $10
         where id = $1",
    )
    .bind(agent.id)
    .bind(&agent.name)
    .bind(agent.board_id)
    .bind(agent.gateway_id)
    .bind(&agent.heartbeat_config)
    .bind(&agent.identity_profile)
    .bind(&agent.identity_template)
    .bind(&agent.soul_template)
    .bind(agent.updated_at)
    .bind(&agent.heartbeat_removed)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets which keys of its heartbeat were to be taken off its gateway: they are.
pub(crate) async fn forget_removed(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("update agent set heartbeat_removed = '{}' where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Has an agent begin anew: it was never in place where it is now, and nobody has woken it there. It has to be brought
/// there, whatever became of it where it was.
pub(crate) async fn begin_anew(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<Agent> {
    sqlx::query_as(
        "update agent
         set phase = $2, last_error = null, provisioned_at = null, wake_attempts = 0, last_wake_sent_at = null,
             checkin_deadline_at = null, updated_at = $3
         where id = $1
         returning *",
    )
    .bind(id)
    .bind(Change::Move.to().as_str())
    .bind(at)
    .fetch_one(conn)
    .await
}

/// Agents of this name, ignoring case, on a board or on all boards of the organization: two at most, save those that go.
pub(crate) async fn list_by_name(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_id: Option<Uuid>,
    name: &str,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent
         where organization_id = $1 and lower(name) = lower($2) and ($3::uuid is null or board_id = $3)
           and leaving_at is null
         order by id
         limit 2",
    )
    .bind(organization_id)
    .bind(name)
    .bind(board_id)
    .fetch_all(conn)
    .await
}

/// Whether an agent of ours is the one with this key on a gateway.
pub(crate) async fn exists_with_key(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    key: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (
             select from agent
             where gateway_id = $1 and leaving_at is null
               and lower($2) = case
                   when runtime_key is not null then lower(runtime_key)
                   when board_id is null then 'mc-gateway-' || gateway_id
                   when is_board_lead then 'lead-' || board_id
                   else 'mc-' || id
               end)",
    )
    .bind(gateway_id)
    .bind(key)
    .fetch_one(conn)
    .await
}

/// Agents by id, in no order, save those that go.
pub(crate) async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as("select * from agent where id = any($1) and leaving_at is null")
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Agents that all the boards of one question have at most.
const CREW: i64 = 20_000;
/// Agents that people are shown of one board.
const SHOWN: i64 = 1_100;

/// Agents of some boards, oldest first, save those that go.
pub(crate) async fn list_by_boards(
    conn: &mut PgConnection,
    board_ids: &[Uuid],
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent where board_id = any($1) and leaving_at is null order by created_at, id limit $2",
    )
    .bind(board_ids)
    .bind(CREW)
    .fetch_all(conn)
    .await
}

/// Agents of a board as people see them, newest first.
pub(crate) async fn list_of_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent where board_id = $1 order by created_at desc, id desc limit $2",
    )
    .bind(board_id)
    .bind(SHOWN)
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
           and not exists (select from gateway where gateway.id = agent.gateway_id and gateway.leaving_at is not null)
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
           and ($3::uuid is null or gateway_id = $3)
           and not exists (select from gateway where gateway.id = agent.gateway_id and gateway.leaving_at is not null)",
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
         where gateway.id = $1 and gateway.organization_id = $2 and gateway.leaving_at is null",
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
        "select count(*) from agent where board_id = $1 and not is_board_lead and leaving_at is null",
    )
    .bind(board_id)
    .fetch_one(conn)
    .await
}

/// Which agents of some boards may have to be told something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audience<'a> {
    pub organization_id: Uuid,
    pub board_ids: &'a [Uuid],
    /// Whether it is all of them, or the leads and the named.
    pub everybody: bool,
    pub named: &'a [Uuid],
}

/// The agents of an audience, oldest first, save those that go. Their phases stand still until the transaction ends, so
/// that what is decided by them holds.
pub(crate) async fn list_audience(
    conn: &mut PgConnection,
    audience: Audience<'_>,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as(
        "select * from agent
         where board_id = any($1) and organization_id = $2 and ($3 or is_board_lead or id = any($4))
           and leaving_at is null
         order by id
         for share",
    )
    .bind(audience.board_ids)
    .bind(audience.organization_id)
    .bind(audience.everybody)
    .bind(audience.named)
    .fetch_all(conn)
    .await
}

/// Changes the phase if the change is lawful where the agent is; `None` when it is not. An agent that is to leave does it
/// by [`super::departures`].
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
         where id = $1 and phase = any($2) and (leaving_at is not null) = $6
         returning *",
    )
    .bind(id)
    .bind(from)
    .bind(change.to().as_str())
    .bind(last_error)
    .bind(at)
    .bind(change.of_leaving())
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
               and (leaving_at is not null) = $6
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
    .bind(change.of_leaving())
    .fetch_all(conn)
    .await
}
