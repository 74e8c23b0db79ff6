//! Invites as rows.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::access;
use crate::{access::Grants, error::Result, invite::Invite};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    invited_email: String,
    role: String,
    all_boards_read: bool,
    all_boards_write: bool,
    created_by_user_id: Option<Uuid>,
    accepted_by_user_id: Option<Uuid>,
    accepted_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Where an invite leads, and what its token has to match.
#[derive(sqlx::FromRow)]
pub(crate) struct Lock {
    pub organization_id: Uuid,
    pub token_hash: String,
}

pub(crate) async fn insert(conn: &mut PgConnection, invite: &Invite, hash: &str) -> Result<()> {
    sqlx::query(
        "insert into invite (id, organization_id, invited_email, token_hash, role, all_boards_read, all_boards_write,
             created_by_user_id, expires_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(invite.id)
    .bind(invite.organization_id)
    .bind(&invite.invited_email)
    .bind(hash)
    .bind(invite.role.as_str())
    .bind(invite.grants.all_boards_read)
    .bind(invite.grants.all_boards_write)
    .bind(invite.created_by_user_id)
    .bind(invite.expires_at)
    .bind(invite.created_at)
    .bind(invite.updated_at)
    .execute(&mut *conn)
    .await?;
    access::insert_of_invite(conn, invite.id, &invite.grants.boards).await
}

/// Invites of an organization that wait, newest first; those that have expired among them, because they can be sent again.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    page: &Page,
) -> Result<Vec<Invite>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, organization_id, invited_email, role, all_boards_read, all_boards_write, created_by_user_id,
                accepted_by_user_id, accepted_at, expires_at, created_at, updated_at
         from invite
         where organization_id = $1 and accepted_at is null and ($2::timestamptz is null or (created_at, id) < ($2, $3))
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
    with_grants(conn, rows).await
}

/// How many invites of an organization wait.
pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar(
        "select count(*) from invite where organization_id = $1 and accepted_at is null",
    )
    .bind(organization_id)
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// What stands between a token and its invite, while the invite is in force.
pub(crate) async fn find_lock(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Lock>> {
    let lock = sqlx::query_as(
        "select organization_id, token_hash from invite where id = $1 and accepted_at is null and expires_at > $2",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(lock)
}

/// Reads an invite that is in force and still has this hash, and keeps others from using it until the transaction ends.
pub(crate) async fn lock_in_force(
    conn: &mut PgConnection,
    id: Uuid,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Invite>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, organization_id, invited_email, role, all_boards_read, all_boards_write, created_by_user_id,
                accepted_by_user_id, accepted_at, expires_at, created_at, updated_at
         from invite
         where id = $1 and token_hash = $2 and accepted_at is null and expires_at > $3
         for update",
    )
    .bind(id)
    .bind(hash)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    one_with_grants(conn, row).await
}

/// Reads an invite of an organization that waits, and keeps others from changing it until the transaction ends.
pub(crate) async fn lock_waiting(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> Result<Option<Invite>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, organization_id, invited_email, role, all_boards_read, all_boards_write, created_by_user_id,
                accepted_by_user_id, accepted_at, expires_at, created_at, updated_at
         from invite
         where organization_id = $1 and id = $2 and accepted_at is null
         for update",
    )
    .bind(organization_id)
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    one_with_grants(conn, row).await
}

/// Reads the invite of an address that waits in vain: its token has expired. Keeps others from changing it until the
/// transaction ends.
pub(crate) async fn lock_expired(
    conn: &mut PgConnection,
    organization_id: Uuid,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Invite>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, organization_id, invited_email, role, all_boards_read, all_boards_write, created_by_user_id,
                accepted_by_user_id, accepted_at, expires_at, created_at, updated_at
         from invite
         where organization_id = $1 and invited_email = $2 and accepted_at is null and expires_at <= $3
         for update",
    )
    .bind(organization_id)
    .bind(address)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    one_with_grants(conn, row).await
}

/// Stores another token and when it ends.
pub(crate) async fn update_token(
    conn: &mut PgConnection,
    invite: &Invite,
    hash: &str,
) -> Result<()> {
    sqlx::query(
        "update invite set token_hash = $2, expires_at = $3, updated_at = $4 where id = $1",
    )
    .bind(invite.id)
    .bind(hash)
    .bind(invite.expires_at)
    .bind(invite.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores who accepted an invite and when.
pub(crate) async fn update_accepted(conn: &mut PgConnection, invite: &Invite) -> Result<()> {
    sqlx::query(
        "update invite set accepted_by_user_id = $2, accepted_at = $3, updated_at = $4 where id = $1",
    )
    .bind(invite.id)
    .bind(invite.accepted_by_user_id)
    .bind(invite.accepted_at)
    .bind(invite.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("delete from invite where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

async fn one_with_grants(conn: &mut PgConnection, row: Option<Row>) -> Result<Option<Invite>> {
    let invites = with_grants(conn, row.into_iter().collect()).await?;
    Ok(invites.into_iter().next())
}

async fn with_grants(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Invite>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut boards = access::list_of_invites(conn, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let boards = boards.remove(&row.id).unwrap_or_default();
            Ok(Invite {
                id: row.id,
                organization_id: row.organization_id,
                invited_email: row.invited_email,
                role: super::role(&row.role)?,
                grants: Grants::new(row.all_boards_read, row.all_boards_write, boards),
                created_by_user_id: row.created_by_user_id,
                accepted_by_user_id: row.accepted_by_user_id,
                accepted_at: row.accepted_at,
                expires_at: row.expires_at,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}
