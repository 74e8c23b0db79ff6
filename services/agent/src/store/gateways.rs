//! Gateways.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::Rows;
use crate::{agent::Agent, gateway::Gateway};

impl FromRow<'_, PgRow> for Gateway {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            name: row.try_get("name")?,
            url: row.try_get("url")?,
            token_sealed: row.try_get("token_sealed")?,
            workspace_root: row.try_get("workspace_root")?,
            allow_insecure_tls: row.try_get("allow_insecure_tls")?,
            disable_device_pairing: row.try_get("disable_device_pairing")?,
            leaving_at: row.try_get("leaving_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

pub(crate) async fn insert(conn: &mut PgConnection, gateway: &Gateway) -> sqlx::Result<()> {
    sqlx::query(
        "insert into gateway (
             id, organization_id, name, url, token_sealed, workspace_root, allow_insecure_tls,
             disable_device_pairing, created_at, updated_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(gateway.id)
    .bind(gateway.organization_id)
    .bind(&gateway.name)
    .bind(&gateway.url)
    .bind(&gateway.token_sealed)
    .bind(&gateway.workspace_root)
    .bind(gateway.allow_insecure_tls)
    .bind(gateway.disable_device_pairing)
    .bind(gateway.created_at)
    .bind(gateway.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A gateway, whoever asks.
pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Gateway>> {
    sqlx::query_as("select * from gateway where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// A gateway that is about to be changed: nobody else changes it before the transaction ends.
pub(crate) async fn find_for_update(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Gateway>> {
    sqlx::query_as("select * from gateway where id = $1 for no key update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    page: &Page,
) -> sqlx::Result<Rows<Gateway>> {
    let items = sqlx::query_as(
        "select * from gateway
         where organization_id = $1 and leaving_at is null and ($2::timestamptz is null or (created_at, id) < ($2, $3))
         order by created_at desc, id desc
         limit $4 offset $5",
    )
    .bind(organization_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar(
        "select count(*) from gateway where organization_id = $1 and leaving_at is null",
    )
    .bind(organization_id)
    .fetch_one(conn)
    .await?;
    Ok(Rows { items, total })
}

/// Writes everything about a gateway that can change.
pub(crate) async fn update(conn: &mut PgConnection, gateway: &Gateway) -> sqlx::Result<()> {
    sqlx::query(
        "update gateway
         set name = $2, url = $3, token_sealed = $4, workspace_root = $5, allow_insecure_tls = $6,
             disable_device_pairing = $7, updated_at = $8
         where id = $1",
    )
    .bind(gateway.id)
    .bind(&gateway.name)
    .bind(&gateway.url)
    .bind(&gateway.token_sealed)
    .bind(&gateway.workspace_root)
    .bind(gateway.allow_insecure_tls)
    .bind(gateway.disable_device_pairing)
    .bind(gateway.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest gateway of an organization with this address.
pub(crate) async fn find_by_url(
    conn: &mut PgConnection,
    organization_id: Uuid,
    url: &str,
) -> sqlx::Result<Option<Gateway>> {
    sqlx::query_as(
        "select * from gateway
         where organization_id = $1 and url = $2 and leaving_at is null
         order by created_at desc, id desc
         limit 1",
    )
    .bind(organization_id)
    .bind(url)
    .fetch_optional(conn)
    .await
}

/// A gateway that stays, for somebody who comes to live on it: it begins to go only after the transaction.
pub(crate) async fn is_staying(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let found = sqlx::query("select from gateway where id = $1 and leaving_at is null for share")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// A gateway that is about to go: nobody comes to live on it before the transaction ends.
pub(crate) async fn find_to_leave(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Gateway>> {
    sqlx::query_as("select * from gateway where id = $1 for update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Has a gateway go, unless it goes already.
pub(crate) async fn leave(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update gateway set leaving_at = coalesce(leaving_at, $2), updated_at = $2 where id = $1",
    )
    .bind(id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Agents that one gateway has at most.
const AGENTS: i64 = 20_000;

/// The agents on a gateway, oldest first, those that go among them.
pub(crate) async fn list_agents(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as("select * from agent where gateway_id = $1 order by created_at, id limit $2")
        .bind(id)
        .bind(AGENTS)
        .fetch_all(conn)
        .await
}

/// Ids of the agents on a gateway that belong to boards, save those that go.
pub(crate) async fn list_agents_of_boards(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from agent
         where gateway_id = $1 and board_id is not null and leaving_at is null
         order by id limit $2",
    )
    .bind(id)
    .bind(AGENTS)
    .fetch_all(conn)
    .await
}
