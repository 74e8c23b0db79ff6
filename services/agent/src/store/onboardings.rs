//! Onboardings, and what was said in them.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{departures::Whose, notices, unknown_word};
use crate::onboarding::{Message, Onboarding, Role, Status, draft::Draft};

impl FromRow<'_, PgRow> for Onboarding {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let status: &str = row.try_get("status")?;
        let draft: Option<Json<Draft>> = row.try_get("draft")?;
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            board_id: row.try_get("board_id")?,
            gateway_id: row.try_get("gateway_id")?,
            session_key: row.try_get("session_key")?,
            status: Status::parse(status).ok_or_else(|| unknown_word("status", status))?,
            draft: draft.map(|Json(draft)| draft),
            last_role: role("last_role", row.try_get("last_role")?)?,
            spoken_at: row.try_get("spoken_at")?,
            told_at: row.try_get("told_at")?,
            notice_id: row.try_get("notice_id")?,
            expires_at: row.try_get("expires_at")?,
            confirming_until: row.try_get("confirming_until")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

impl FromRow<'_, PgRow> for Message {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            role: role("role", row.try_get("role")?)?,
            content: row.try_get("content")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

fn role(column: &'static str, word: &str) -> sqlx::Result<Role> {
    Role::parse(word).ok_or_else(|| unknown_word(column, word))
}

/// Inserts one that begins, unless the board has an open one. Answers whether it did.
pub(crate) async fn insert(conn: &mut PgConnection, it: &Onboarding) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into onboarding (
             id, organization_id, board_id, gateway_id, session_key, status, last_role, spoken_at, told_at,
             expires_at, created_at, updated_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (board_id) where status in ('active', 'completed') do nothing",
    )
    .bind(it.id)
    .bind(it.organization_id)
    .bind(it.board_id)
    .bind(it.gateway_id)
    .bind(&it.session_key)
    .bind(it.status.as_str())
    .bind(it.last_role.as_str())
    .bind(it.spoken_at)
    .bind(it.told_at)
    .bind(it.expires_at)
    .bind(it.created_at)
    .bind(it.updated_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The latest of a board. An open one is the latest, whatever the clocks of those say who began it and others.
pub(crate) async fn find_latest(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Option<Onboarding>> {
    sqlx::query_as(
        "select * from onboarding where board_id = $1
         order by status in ('active', 'completed') desc, created_at desc, id desc limit 1",
    )
    .bind(board_id)
    .fetch_optional(conn)
    .await
}

/// The latest of a board: nobody else changes it, or says something in it, before the transaction ends.
pub(crate) async fn lock_latest(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Option<Onboarding>> {
    sqlx::query_as(
        "select * from onboarding where board_id = $1
         order by status in ('active', 'completed') desc, created_at desc, id desc limit 1
         for no key update",
    )
    .bind(board_id)
    .fetch_optional(conn)
    .await
}

/// Writes everything about one that can change.
pub(crate) async fn update(conn: &mut PgConnection, it: &Onboarding) -> sqlx::Result<()> {
    sqlx::query(
        "update onboarding
         set status = $2, draft = $3, last_role = $4, spoken_at = $5, told_at = $6, notice_id = $7, expires_at = $8,
             confirming_until = $9, updated_at = $10
         where id = $1",
    )
    .bind(it.id)
    .bind(it.status.as_str())
    .bind(it.draft.as_ref().map(Json))
    .bind(it.last_role.as_str())
    .bind(it.spoken_at)
    .bind(it.told_at)
    .bind(it.notice_id)
    .bind(it.expires_at)
    .bind(it.confirming_until)
    .bind(it.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets go of one that somebody wanted to confirm and did not.
pub(crate) async fn release(
    conn: &mut PgConnection,
    id: Uuid,
    claimed_until: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update onboarding set confirming_until = null where id = $1 and confirming_until = $2",
    )
    .bind(id)
    .bind(claimed_until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Confirms one that is still claimed by whoever claimed it until then; `None` when it is not, or has ended meanwhile.
pub(crate) async fn confirm(
    conn: &mut PgConnection,
    id: Uuid,
    claimed_until: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Onboarding>> {
    sqlx::query_as(
        "update onboarding set status = $3, confirming_until = null, updated_at = $4
         where id = $1 and status = $5 and confirming_until = $2
         returning *",
    )
    .bind(id)
    .bind(claimed_until)
    .bind(Status::Confirmed.as_str())
    .bind(at)
    .bind(Status::Completed.as_str())
    .fetch_optional(conn)
    .await
}

/// Ends those whose time is up, at most so many; answers them.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Onboarding>> {
    sqlx::query_as(
        "with due as (
             select id from onboarding
             where status in ('active', 'completed') and expires_at <= $1
               and (confirming_until is null or confirming_until <= $1)
             order by expires_at
             limit $2
             for no key update skip locked
         )
         update onboarding set status = 'expired', updated_at = $1
         from due where due.id = onboarding.id
         returning onboarding.*",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Keeps something that was said, and by which notice the agent is told of it.
pub(crate) async fn insert_message(
    conn: &mut PgConnection,
    onboarding_id: Uuid,
    message: &Message,
    notice_id: Option<Uuid>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into onboarding_message (id, onboarding_id, role, content, notice_id, created_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(message.id)
    .bind(onboarding_id)
    .bind(message.role.as_str())
    .bind(&message.content)
    .bind(notice_id)
    .bind(message.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest of what was said, oldest first.
pub(crate) async fn list_messages(
    conn: &mut PgConnection,
    onboarding_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Message>> {
    sqlx::query_as(
        "select id, role, content, created_at from (
             select * from onboarding_message where onboarding_id = $1 order by position desc limit $2
         ) newest
         order by position",
    )
    .bind(onboarding_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// What the agent has not answered, oldest first: whether it is the very first message, and the text.
pub(crate) async fn list_unanswered(
    conn: &mut PgConnection,
    onboarding_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<(bool, String)>> {
    sqlx::query_as(
        "select is_first, content from (
             select message.position, message.content,
                    message.position = (
                        select min(position) from onboarding_message where onboarding_id = $1
                    ) as is_first
             from onboarding_message message
             where message.onboarding_id = $1
               and message.position > coalesce((
                   select max(position) from onboarding_message where onboarding_id = $1 and role = 'assistant'
               ), 0)
             order by message.position desc
             limit $2
         ) newest
         order by position",
    )
    .bind(onboarding_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Remembers that the last message was sent again by another notice.
pub(crate) async fn resend_last(
    conn: &mut PgConnection,
    onboarding_id: Uuid,
    notice_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query(
        "update onboarding_message set notice_id = $2
         where onboarding_id = $1
           and position = (select max(position) from onboarding_message where onboarding_id = $1)",
    )
    .bind(onboarding_id)
    .bind(notice_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back what the agent has not been told yet in these onboardings.
pub(crate) async fn withdraw(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    let unsent: Vec<Uuid> = sqlx::query_scalar(
        "select notice.id
         from onboarding_message message
         join notice on notice.id = message.notice_id
         left join delivery on delivery.id = notice.id
         where message.onboarding_id = any($1)
           and (delivery.id is null or delivery.state in ('waiting', 'failed'))",
    )
    .bind(ids)
    .fetch_all(&mut *conn)
    .await?;
    notices::take_back(conn, &unsent).await
}

/// Forgets the onboardings of a board or an organization, and takes back what main agents have not been told yet of it.
pub(crate) async fn delete(conn: &mut PgConnection, whose: Whose) -> sqlx::Result<()> {
    sqlx::query("delete from onboarding where board_id = $1 or organization_id = $2")
        .bind(whose.board())
        .bind(whose.organization())
        .execute(&mut *conn)
        .await?;
    let unsent: Vec<Uuid> = sqlx::query_scalar(
        "select notice.id
         from notice
         join agent on agent.id = notice.agent_id and agent.board_id is null
         left join delivery on delivery.id = notice.id
         where notice.board_id = $1 and (delivery.id is null or delivery.state in ('waiting', 'failed'))",
    )
    .bind(whose.board())
    .fetch_all(&mut *conn)
    .await?;
    notices::take_back(conn, &unsent).await
}
