//! Memberships as rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    member::{Member, Position, Profile},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    user_id: Uuid,
    role: String,
    all_boards_read: bool,
    all_boards_write: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    email: Option<String>,
    name: Option<String>,
    preferred_name: Option<String>,
}

impl Row {
    fn into_member(self) -> Result<(Member, Profile)> {
        let member = Member {
            id: self.id,
            organization_id: self.organization_id,
            user_id: self.user_id,
            role: super::role(&self.role)?,
            all_boards_read: self.all_boards_read,
            all_boards_write: self.all_boards_write,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        let profile = Profile {
            email: self.email,
            name: self.name,
            preferred_name: self.preferred_name,
        };
        Ok((member, profile))
    }
}

/// A member in a list, with where they stand in it.
pub(crate) struct Entry {
    pub member: Member,
    pub profile: Profile,
    pub position: Position,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    #[sqlx(flatten)]
    row: Row,
    email_key: String,
    name_key: String,
}

pub(crate) async fn insert(conn: &mut PgConnection, member: &Member) -> Result<()> {
    sqlx::query(
        "insert into member (id, organization_id, user_id, role, all_boards_read, all_boards_write, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(member.id)
    .bind(member.organization_id)
    .bind(member.user_id)
    .bind(member.role.as_str())
    .bind(member.all_boards_read)
    .bind(member.all_boards_write)
    .bind(member.created_at)
    .bind(member.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
) -> Result<Option<(Member, Profile)>> {
    let row: Option<Row> = sqlx::query_as(
        "select m.id, m.organization_id, m.user_id, m.role, m.all_boards_read, m.all_boards_write, m.created_at, m.updated_at,
                u.email, u.name, u.preferred_name
         from member m
         join user_account u on u.id = m.user_id
         where m.organization_id = $1 and m.user_id = $2",
    )
    .bind(organization_id)
    .bind(user_id)
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_member).transpose()
}

/// Finds a member of an organization by the id of the membership.
pub(crate) async fn find_by_id(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> Result<Option<(Member, Profile)>> {
    let row: Option<Row> = sqlx::query_as(
        "select m.id, m.organization_id, m.user_id, m.role, m.all_boards_read, m.all_boards_write, m.created_at, m.updated_at,
                u.email, u.name, u.preferred_name
         from member m
         join user_account u on u.id = m.user_id
         where m.organization_id = $1 and m.id = $2",
    )
    .bind(organization_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_member).transpose()
}

/// Memberships of a person, oldest first.
pub(crate) async fn list_of_user(
    conn: &mut PgConnection,
    user_id: Uuid,
) -> Result<Vec<(Member, Profile)>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select m.id, m.organization_id, m.user_id, m.role, m.all_boards_read, m.all_boards_write, m.created_at, m.updated_at,
                u.email, u.name, u.preferred_name
         from member m
         join user_account u on u.id = m.user_id
         where m.user_id = $1
         order by m.created_at, m.id",
    )
    .bind(user_id)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::into_member).collect()
}

/// Whether an organization has a member with this address.
pub(crate) async fn has_address(
    conn: &mut PgConnection,
    organization_id: Uuid,
    address: &str,
) -> Result<bool> {
    let has = sqlx::query_scalar(
        "select exists (
             select from user_account u
             join member m on m.user_id = u.id
             where lower(u.email) = lower($2) and m.organization_id = $1
         )",
    )
    .bind(organization_id)
    .bind(address)
    .fetch_one(conn)
    .await?;
    Ok(has)
}

/// Stores the role and the flags of a member.
pub(crate) async fn update(conn: &mut PgConnection, member: &Member) -> Result<()> {
    sqlx::query(
        "update member set role = $2, all_boards_read = $3, all_boards_write = $4, updated_at = $5 where id = $1",
    )
    .bind(member.id)
    .bind(member.role.as_str())
    .bind(member.all_boards_read)
    .bind(member.all_boards_write)
    .bind(member.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a membership; rights and tokens end with it.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("delete from member where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps others from making tokens for a member until the transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<bool> {
    let row: Option<(Uuid,)> =
        sqlx::query_as("select id from member where id = $1 for no key update")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(row.is_some())
}

/// Members of an organization after a position, by lower-cased email, then name.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    after: Option<&Position>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Entry>> {
    let rows: Vec<EntryRow> = sqlx::query_as(
        "select * from (
             select m.id, m.organization_id, m.user_id, m.role, m.all_boards_read, m.all_boards_write, m.created_at,
                    m.updated_at, u.email, u.name, u.preferred_name,
                    lower(coalesce(u.email, '')) as email_key, lower(coalesce(u.name, '')) as name_key
             from member m
             join user_account u on u.id = m.user_id
             where m.organization_id = $1
         ) entry
         where $2::text is null or (email_key, name_key, id) > ($2, $3, $4)
         order by email_key, name_key, id
         limit $5 offset $6",
    )
    .bind(organization_id)
    .bind(after.map(|position| &position.0))
    .bind(after.map(|position| &position.1))
    .bind(after.map(|position| position.2))
    .bind(limit)
    .bind(offset)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(
            |EntryRow {
                 row,
                 email_key,
                 name_key,
             }| {
                let (member, profile) = row.into_member()?;
                let position = Position(email_key, name_key, member.id);
                Ok(Entry {
                    member,
                    profile,
                    position,
                })
            },
        )
        .collect()
}

/// How many members an organization has.
pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar("select count(*) from member where organization_id = $1")
        .bind(organization_id)
        .fetch_one(conn)
        .await?;
    Ok(count)
}

/// How many owners an organization has. Means something only while the organization is locked.
pub(crate) async fn count_owners(conn: &mut PgConnection, organization_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar(
        "select count(*) from member where organization_id = $1 and role = 'owner'",
    )
    .bind(organization_id)
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// How many organizations a person belongs to.
pub(crate) async fn count_of_user(conn: &mut PgConnection, user_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar("select count(*) from member where user_id = $1")
        .bind(user_id)
        .fetch_one(conn)
        .await?;
    Ok(count)
}
