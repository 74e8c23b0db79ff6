//! Memberships as rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    member::{BoardAccess, Member, Position, Profile},
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

#[derive(sqlx::FromRow)]
struct AccessRow {
    id: Uuid,
    board_id: Uuid,
    can_read: bool,
    can_write: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
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

/// Rights of one member on single boards, oldest first. One member is granted at most a few hundred.
pub(crate) async fn list_access(
    conn: &mut PgConnection,
    member_id: Uuid,
) -> Result<Vec<BoardAccess>> {
    let rows: Vec<AccessRow> = sqlx::query_as(
        "select id, board_id, can_read, can_write, created_at, updated_at
         from board_access where member_id = $1 order by created_at, id",
    )
    .bind(member_id)
    .fetch_all(conn)
    .await?;
    let access = rows.into_iter().map(|row| BoardAccess {
        id: row.id,
        board_id: row.board_id,
        can_read: row.can_read,
        can_write: row.can_write,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(access.collect())
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

/// How many organizations a person belongs to.
pub(crate) async fn count_of_user(conn: &mut PgConnection, user_id: Uuid) -> Result<i64> {
    let count = sqlx::query_scalar("select count(*) from member where user_id = $1")
        .bind(user_id)
        .fetch_one(conn)
        .await?;
    Ok(count)
}
