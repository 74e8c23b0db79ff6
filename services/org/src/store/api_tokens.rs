//! API tokens as rows.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{api_token::ApiToken, error::Result};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    user_id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_token(self) -> Result<ApiToken> {
        Ok(ApiToken {
            id: self.id,
            organization_id: self.organization_id,
            user_id: self.user_id,
            name: self.name,
            scopes: super::scopes(&self.scopes)?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        })
    }
}

pub(crate) async fn insert(conn: &mut PgConnection, token: &ApiToken, hash: &str) -> Result<()> {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    sqlx::query(
        "insert into api_token (id, organization_id, user_id, name, hash, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(token.id)
    .bind(token.organization_id)
    .bind(token.user_id)
    .bind(&token.name)
    .bind(hash)
    .bind(scopes)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets a token follow its person from now on.
pub(crate) async fn let_follow(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("update api_token set follows_person = true where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves the tokens that follow a person to an organization of theirs. The person has to be locked.
pub(crate) async fn take_along(
    conn: &mut PgConnection,
    user_id: Uuid,
    organization_id: Uuid,
) -> Result<()> {
    sqlx::query(
        "update api_token set organization_id = $2
         where user_id = $1 and follows_person and organization_id <> $2",
    )
    .bind(user_id)
    .bind(organization_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the tokens that follow persons out of an organization that ends for them, to the one that each joined first of
/// their others. Who has no other keeps them here. The persons have to be locked.
pub(crate) async fn take_out(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_ids: &[Uuid],
) -> Result<()> {
    sqlx::query(
        "with moving as (
             select api_token.id, other.organization_id
             from api_token
             cross join lateral (
                 select member.organization_id from member
                 where member.user_id = api_token.user_id and member.organization_id <> $1
                 order by member.created_at, member.id
                 limit 1
             ) other
             where api_token.user_id = any($2) and api_token.follows_person and api_token.organization_id = $1
         )
         update api_token set organization_id = moving.organization_id from moving where moving.id = api_token.id",
    )
    .bind(organization_id)
    .bind(user_ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Tokens of a person in an organization, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
    page: &Page,
) -> Result<Vec<ApiToken>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, organization_id, user_id, name, scopes, created_at, expires_at, last_used_at
         from api_token
         where organization_id = $1 and user_id = $2 and ($3::timestamptz is null or (created_at, id) < ($3, $4))
         order by created_at desc, id desc
         limit $5 offset $6",
    )
    .bind(organization_id)
    .bind(user_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::into_token).collect()
}

/// How many tokens a person has in an organization.
pub(crate) async fn count(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
) -> Result<i64> {
    let count = sqlx::query_scalar(
        "select count(*) from api_token where organization_id = $1 and user_id = $2",
    )
    .bind(organization_id)
    .bind(user_id)
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// How many of them have not expired.
pub(crate) async fn count_in_force(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<i64> {
    let count = sqlx::query_scalar(
        "select count(*) from api_token
         where organization_id = $1 and user_id = $2 and (expires_at is null or expires_at > $3)",
    )
    .bind(organization_id)
    .bind(user_id)
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Ends a token of a person in an organization and answers it as it was.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
    id: Uuid,
) -> Result<Option<ApiToken>> {
    let row: Option<Row> = sqlx::query_as(
        "delete from api_token where id = $3 and organization_id = $1 and user_id = $2
         returning id, organization_id, user_id, name, scopes, created_at, expires_at, last_used_at",
    )
    .bind(organization_id)
    .bind(user_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_token).transpose()
}

/// Ends every token of a person in these organizations and answers them as they were.
pub(crate) async fn delete_of_member(
    conn: &mut PgConnection,
    organization_ids: &[Uuid],
    user_id: Uuid,
) -> Result<Vec<ApiToken>> {
    let rows: Vec<Row> = sqlx::query_as(
        "delete from api_token where organization_id = any($1) and user_id = $2
         returning id, organization_id, user_id, name, scopes, created_at, expires_at, last_used_at",
    )
    .bind(organization_ids)
    .bind(user_id)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::into_token).collect()
}

/// Moves `last_used_at` forward, never back. A token that somebody else is writing or ending is passed over: waiting for it
/// could make both wait for ever.
pub(crate) async fn update_last_used(
    conn: &mut PgConnection,
    ids: &[Uuid],
    minutes: &[DateTime<Utc>],
) -> Result<()> {
    sqlx::query(
        "with used as (
             select api_token.id, noted.minute
             from api_token
             join unnest($1::uuid[], $2::timestamptz[]) as noted (id, minute) on noted.id = api_token.id
             where api_token.last_used_at is null or api_token.last_used_at < noted.minute
             for no key update of api_token skip locked
         )
         update api_token set last_used_at = used.minute from used where used.id = api_token.id",
    )
    .bind(ids)
    .bind(minutes)
    .execute(conn)
    .await?;
    Ok(())
}
