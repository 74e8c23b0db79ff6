//! People as rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::api_tokens;
use crate::{
    error::Result,
    user::{Profile, User},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    clerk_user_id: String,
    email: Option<String>,
    name: Option<String>,
    preferred_name: Option<String>,
    pronouns: Option<String>,
    timezone: Option<String>,
    notes: Option<String>,
    context: Option<String>,
    is_super_admin: bool,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            clerk_user_id: row.clerk_user_id,
            email: row.email,
            profile: Profile {
                name: row.name,
                preferred_name: row.preferred_name,
                pronouns: row.pronouns,
                timezone: row.timezone,
                notes: row.notes,
                context: row.context,
            },
            is_super_admin: row.is_super_admin,
        }
    }
}

pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<User>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, clerk_user_id, email, name, preferred_name, pronouns, timezone, notes, context, is_super_admin
         from user_account where id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(User::from))
}

/// A person as a member of an organization; without an id its oldest owner.
pub(crate) async fn find_in(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Option<Uuid>,
) -> Result<Option<User>> {
    let row: Option<Row> = sqlx::query_as(
        "select u.id, u.clerk_user_id, u.email, u.name, u.preferred_name, u.pronouns, u.timezone, u.notes, u.context,
                u.is_super_admin
         from member m join user_account u on u.id = m.user_id
         where m.organization_id = $1 and (m.user_id = $2 or $2 is null and m.role = 'owner')
         order by m.created_at, m.id
         limit 1",
    )
    .bind(organization_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(User::from))
}

/// Reads the person of a subject and keeps others from changing their memberships until the transaction ends.
pub(crate) async fn lock_by_subject(
    conn: &mut PgConnection,
    subject: &str,
) -> Result<Option<User>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, clerk_user_id, email, name, preferred_name, pronouns, timezone, notes, context, is_super_admin
         from user_account where clerk_user_id = $1 for update",
    )
    .bind(subject)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(User::from))
}

/// Reads a person and keeps others from changing their profile and memberships until the transaction ends.
pub(crate) async fn find_locked(conn: &mut PgConnection, id: Uuid) -> Result<Option<User>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, clerk_user_id, email, name, preferred_name, pronouns, timezone, notes, context, is_super_admin
         from user_account where id = $1 for update",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(User::from))
}

/// Reads everybody with an address and keeps others from changing them until the transaction ends.
pub(crate) async fn list_by_address_locked(
    conn: &mut PgConnection,
    address: &str,
) -> Result<Vec<User>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, clerk_user_id, email, name, preferred_name, pronouns, timezone, notes, context, is_super_admin
         from user_account where lower(email) = lower($1) order by id for update",
    )
    .bind(address)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Stores what a person says about themselves.
pub(crate) async fn update_profile(
    conn: &mut PgConnection,
    user: &User,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "update user_account
         set name = $2, preferred_name = $3, pronouns = $4, timezone = $5, notes = $6, context = $7, updated_at = $8
         where id = $1",
    )
    .bind(user.id)
    .bind(&user.profile.name)
    .bind(&user.profile.preferred_name)
    .bind(&user.profile.pronouns)
    .bind(&user.profile.timezone)
    .bind(&user.profile.notes)
    .bind(&user.profile.context)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a person act in no organization in particular if it is this one in which they act.
pub(crate) async fn clear_active_organization(
    conn: &mut PgConnection,
    id: Uuid,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "update user_account set active_organization_id = null, updated_at = $3
         where id = $1 and active_organization_id = $2",
    )
    .bind(id)
    .bind(organization_id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a person with their memberships.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("delete from user_account where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps others from changing the person's memberships until the transaction ends. Answers whether the person exists.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<bool> {
    let row: Option<(Uuid,)> =
        sqlx::query_as("select id from user_account where id = $1 for update")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(row.is_some())
}

/// Creates the person unless the subject is known. Waits for a simultaneous creation to end before it answers.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    user: &User,
    at: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query(
        "insert into user_account (id, clerk_user_id, email, name, preferred_name, pronouns, timezone, notes, context,
             is_super_admin, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         on conflict on constraint user_account_clerk_user_id_key do nothing",
    )
    .bind(user.id)
    .bind(&user.clerk_user_id)
    .bind(&user.email)
    .bind(&user.profile.name)
    .bind(&user.profile.preferred_name)
    .bind(&user.profile.pronouns)
    .bind(&user.profile.timezone)
    .bind(&user.profile.notes)
    .bind(&user.profile.context)
    .bind(user.is_super_admin)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps others from changing what the members of an organization belong to until the transaction ends, and answers who they
/// are. The organization has to be locked.
pub(crate) async fn lock_members(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select u.id from user_account u
         where exists (select from member where member.user_id = u.id and member.organization_id = $1)
         order by u.id
         for update",
    )
    .bind(organization_id)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Stores the organization that the person acts in, and takes along the tokens that follow them. Answers whether it was
/// another one before.
pub(crate) async fn update_active_organization(
    conn: &mut PgConnection,
    id: Uuid,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query(
        "update user_account set active_organization_id = $2, updated_at = $3
         where id = $1 and active_organization_id is distinct from $2",
    )
    .bind(id)
    .bind(organization_id)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    api_tokens::take_along(conn, id, organization_id).await?;
    Ok(done.rows_affected() == 1)
}
