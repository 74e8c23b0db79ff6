//! Tenants as rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    organization::{Listed, Organization, PER_PERSON},
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
