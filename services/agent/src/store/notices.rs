//! Notices. What became of one stands in the delivery of the same id, in the same schema; one without a delivery waits for
//! its agent.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Rows, unknown_word};
use crate::{
    agent::Agent,
    notice::{New, Notice, State},
};

impl FromRow<'_, PgRow> for Notice {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let state: Option<&str> = row.try_get("state")?;
        let last_error: Option<String> = row.try_get("last_error")?;
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            task_id: row.try_get("task_id")?,
            agent_id: row.try_get("agent_id")?,
            state: match state {
                // While an attempt is under way, what the one before came to still stands.
                Some("sending") if last_error.is_some() => State::Failed,
                None | Some("waiting" | "sending") => State::Waiting,
                Some("sent") => State::Sent,
                Some("failed") => State::Failed,
                Some("dead") => State::Dead,
                Some(other) => return Err(unknown_word("state", other)),
            },
            attempts: row.try_get("attempts")?,
            last_error,
            created_at: row.try_get("created_at")?,
            sent_at: row.try_get("sent_at")?,
            next_attempt_at: row.try_get("next_attempt_at")?,
        })
    }
}

/// Inserts notices with one statement. One that an event has caused already is left out; answers the ids of the rest.
pub(crate) async fn insert(conn: &mut PgConnection, notices: &[New]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "insert into notice (
             id, event_id, organization_id, board_id, task_id, agent_id, kind, message, held, created_at
         )
         select * from unnest(
             $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
             $9::boolean[], $10::timestamptz[]
         )
         on conflict on constraint notice_event_id_agent_id_key do nothing
         returning id",
    )
    .bind(notices.iter().map(|n| n.id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.event_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.organization_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.board_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.task_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.agent_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.kind.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.message.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.held).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.created_at).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Lets go of the notices that waited for an agent, oldest first; answers their ids.
pub(crate) async fn release(conn: &mut PgConnection, agent_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "with released as (
             update notice set held = false where agent_id = $1 and held returning id, created_at
         )
         select id from released order by created_at, id",
    )
    .bind(agent_id)
    .fetch_all(conn)
    .await
}

/// What is to be sent, and the agent to whom.
pub(crate) async fn find_letter(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<(String, Agent)>> {
    let row = sqlx::query(
        "select agent.*, notice.message from notice join agent on agent.id = notice.agent_id where notice.id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((row.try_get("message")?, Agent::from_row(&row)?)))
        .transpose()
}

/// Where a notice belongs: its organization and board.
pub(crate) async fn find(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<(Notice, Uuid, Uuid)>> {
    let row = sqlx::query(
        "select notice.*, delivery.state, coalesce(delivery.attempts, 0) as attempts, delivery.last_error,
                delivery.sent_at, delivery.next_attempt_at
         from notice left join delivery on delivery.id = notice.id
         where notice.id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok((
            Notice::from_row(&row)?,
            row.try_get("organization_id")?,
            row.try_get("board_id")?,
        ))
    })
    .transpose()
}

/// Notices to one agent, or about one board; newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    agent_id: Option<Uuid>,
    board_id: Option<Uuid>,
    page: &Page,
) -> sqlx::Result<Rows<Notice>> {
    let items = sqlx::query_as(
        "select notice.*, delivery.state, coalesce(delivery.attempts, 0) as attempts, delivery.last_error,
                delivery.sent_at, delivery.next_attempt_at
         from notice left join delivery on delivery.id = notice.id
         where ($1::uuid is null or notice.agent_id = $1)
           and ($2::uuid is null or notice.board_id = $2)
           and ($3::timestamptz is null or (notice.created_at, notice.id) < ($3, $4))
         order by notice.created_at desc, notice.id desc
         limit $5 offset $6",
    )
    .bind(agent_id)
    .bind(board_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(&mut *conn)
    .await?;
    let total = sqlx::query_scalar(
        "select count(*) from notice
         where ($1::uuid is null or agent_id = $1) and ($2::uuid is null or board_id = $2)",
    )
    .bind(agent_id)
    .bind(board_id)
    .fetch_one(conn)
    .await?;
    Ok(Rows { items, total })
}
