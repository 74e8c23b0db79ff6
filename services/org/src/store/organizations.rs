//! Tenants as rows.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    organization::{Listed, Organization, PER_PERSON},
    settings::Settings,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Organization {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(crate) async fn insert(conn: &mut PgConnection, organization: &Organization) -> Result<()> {
    sqlx::query(
        "insert into organization (id, name, created_at, updated_at) values ($1, $2, $3, $4)",
    )
    .bind(organization.id)
    .bind(&organization.name)
    .bind(organization.created_at)
    .bind(organization.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads an organization that the person is a member of.
pub(crate) async fn find_of_member(
    conn: &mut PgConnection,
    id: Uuid,
    user_id: Uuid,
) -> Result<Option<Organization>> {
    let row: Option<Row> = sqlx::query_as(
        "select o.id, o.name, o.created_at, o.updated_at
         from organization o
         join member m on m.organization_id = o.id and m.user_id = $2
         where o.id = $1",
    )
    .bind(id)
    .bind(user_id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Organization::from))
}

/// Reads an organization that the person is a member of, and keeps it from being deleted until the transaction ends.
///
/// Whoever locks an organization and people locks the organization first.
pub(crate) async fn hold_of_member(
    conn: &mut PgConnection,
    id: Uuid,
    user_id: Uuid,
) -> Result<Option<Organization>> {
    let row: Option<Row> = sqlx::query_as(
        "select o.id, o.name, o.created_at, o.updated_at
         from organization o
         join member m on m.organization_id = o.id and m.user_id = $2
         where o.id = $1
         for key share of o",
    )
    .bind(id)
    .bind(user_id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Organization::from))
}

/// Reads an organization and keeps others from changing it, or who belongs to it and as what, until the transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<Organization>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, name, created_at, updated_at from organization where id = $1 for no key update",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Organization::from))
}

/// Reads organizations that may be deleted and keeps everybody else away from them until the transaction ends.
pub(crate) async fn lock_whole(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Organization>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, name, created_at, updated_at from organization where id = any($1) order by id for update",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Organization::from).collect())
}

/// How many members and how many owners each organization has. Means something only while they are locked.
pub(crate) async fn count_members(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (i64, i64)>> {
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "select organization_id, count(*), count(*) filter (where role = 'owner')
         from member where organization_id = any($1) group by organization_id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let counts = rows
        .into_iter()
        .map(|(id, members, owners)| (id, (members, owners)));
    Ok(counts.collect())
}

pub(crate) async fn update_name(
    conn: &mut PgConnection,
    organization: &Organization,
) -> Result<()> {
    sqlx::query("update organization set name = $2, updated_at = $3 where id = $1")
        .bind(organization.id)
        .bind(&organization.name)
        .bind(organization.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes organizations with everything in them.
pub(crate) async fn delete(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("delete from organization where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn find_settings(conn: &mut PgConnection, id: Uuid) -> Result<Option<Settings>> {
    let row: Option<(Option<i32>, Option<i32>, Option<i32>)> = sqlx::query_as(
        "select event_retention_days, payload_retention_days, memory_retention_days from organization where id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(events, payloads, memory)| Settings {
        event_retention_days: events,
        payload_retention_days: payloads,
        memory_retention_days: memory,
    }))
}

pub(crate) async fn update_settings(
    conn: &mut PgConnection,
    id: Uuid,
    settings: &Settings,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "update organization
         set event_retention_days = $2, payload_retention_days = $3, memory_retention_days = $4, updated_at = $5
         where id = $1",
    )
    .bind(id)
    .bind(settings.event_retention_days)
    .bind(settings.payload_retention_days)
    .bind(settings.memory_retention_days)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Organizations of a person by lower-cased name. Which one is active follows the rule of
/// [`identities::find`](super::identities::find).
pub(crate) async fn list_of_member(conn: &mut PgConnection, user_id: Uuid) -> Result<Vec<Listed>> {
    let rows: Vec<(Uuid, String, String, bool)> = sqlx::query_as(
        "select o.id, o.name, m.role,
                row_number() over (
                    order by (o.id is not distinct from u.active_organization_id) desc, m.created_at, m.id
                ) = 1
         from user_account u
         join member m on m.user_id = u.id
         join organization o on o.id = m.organization_id
         where u.id = $1
         order by lower(o.name), o.id
         limit $2",
    )
    .bind(user_id)
    .bind(PER_PERSON)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, name, role, is_active)| {
            Ok(Listed {
                id,
                name,
                role: super::role(&role)?,
                is_active,
            })
        })
        .collect()
}
