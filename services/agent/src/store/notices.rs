//! Notices. What became of one stands in the delivery of the same id, in the same schema. One without a delivery, or with
//! one that was put aside, waits for its agent or its board.

use chassis::Page;
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Rows, unknown_word};
use crate::{
    agent::Agent,
    notice::{Kind, New, Notice, State},
    post,
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
            board_id: row.try_get("board_id")?,
            from_agent_id: row.try_get("from_agent_id")?,
            agent_name: row.try_get("agent_name")?,
        })
    }
}

/// Inserts notices with one statement. One that an event has caused already is left out; answers the ids of the rest.
pub(crate) async fn insert(conn: &mut PgConnection, notices: &[New]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "insert into notice (
             id, event_id, organization_id, board_id, task_id, agent_id, kind, message, held, created_at,
             from_agent_id, deliver
         )
         select * from unnest(
             $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
             $9::boolean[], $10::timestamptz[], $11::uuid[], $12::boolean[]
         )
         on conflict on constraint notice_event_id_agent_id_kind_key do nothing
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
    .bind(notices.iter().map(|n| n.from_agent_id).collect::<Vec<_>>())
    .bind(notices.iter().map(|n| n.kind.delivers()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Lets go of the notices that waited for an agent, save those about boards that are paused; answers their ids.
pub(crate) async fn release_of_agent(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "update notice set held = false
         where agent_id = $1 and held
           and (kind = $2 or not exists (select from paused_board where paused_board.board_id = notice.board_id))
         returning id",
    )
    .bind(agent_id)
    .bind(Kind::BoardCommand.as_str())
    .fetch_all(conn)
    .await
}

/// Lets go of the notices that waited for a board, save those whose agent was never put in place; answers their ids, each
/// with its agent and that agent's gateway.
pub(crate) async fn release_of_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> sqlx::Result<Vec<(Uuid, Uuid, Uuid)>> {
    sqlx::query_as(
        "update notice set held = false
         from agent
         where notice.board_id = $1 and notice.held
           and agent.id = notice.agent_id and agent.provisioned_at is not null
         returning notice.id, agent.id, agent.gateway_id",
    )
    .bind(board_id)
    .fetch_all(conn)
    .await
}

/// What is to be sent, and to whom.
#[derive(Debug)]
pub(crate) struct Letter {
    pub message: String,
    pub deliver: bool,
    pub agent: Agent,
}

pub(crate) async fn find_letter(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Letter>> {
    let row = sqlx::query(
        "select agent.*, notice.message, notice.deliver
         from notice join agent on agent.id = notice.agent_id
         where notice.id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Letter {
            message: row.try_get("message")?,
            deliver: row.try_get("deliver")?,
            agent: Agent::from_row(&row)?,
        })
    })
    .transpose()
}

/// Whether an older message to the same agent is on its way.
pub(crate) async fn follows_another(
    conn: &mut PgConnection,
    id: Uuid,
    agent_id: Uuid,
    queue: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (
             select from delivery join notice on notice.id = delivery.id
             where delivery.queue = $3 and delivery.state = 'sending' and delivery.id < $1 and notice.agent_id = $2
         )",
    )
    .bind(id)
    .bind(agent_id)
    .bind(queue)
    .fetch_one(conn)
    .await
}

/// A notice and its organization.
pub(crate) async fn find(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<(Notice, Uuid)>> {
    let row = sqlx::query(
        "select notice.*, agent.name as agent_name,
                case when delivery.queue = $2 then 'waiting' else delivery.state end as state,
                coalesce(delivery.attempts, 0) as attempts, delivery.last_error, delivery.sent_at,
                case when delivery.queue <> $2 then delivery.next_attempt_at end as next_attempt_at
         from notice
         left join delivery on delivery.id = notice.id
         left join agent on agent.id = notice.agent_id
         where notice.id = $1",
    )
    .bind(id)
    .bind(post::PUT_ASIDE)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((Notice::from_row(&row)?, row.try_get("organization_id")?)))
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
        "select notice.*, agent.name as agent_name,
                case when delivery.queue = $7 then 'waiting' else delivery.state end as state,
                coalesce(delivery.attempts, 0) as attempts, delivery.last_error, delivery.sent_at,
                case when delivery.queue <> $7 then delivery.next_attempt_at end as next_attempt_at
         from notice
         left join delivery on delivery.id = notice.id
         left join agent on agent.id = notice.agent_id
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
    .bind(post::PUT_ASIDE)
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

/// Forgets notices that their agents have not been told yet. Deliveries before notices, as whoever settles a delivery does it.
pub(crate) async fn take_back(conn: &mut PgConnection, notice_ids: &[Uuid]) -> sqlx::Result<()> {
    if notice_ids.is_empty() {
        return Ok(());
    }
    delivery::discard_all(conn, notice_ids).await?;
    sqlx::query("delete from notice where id = any($1)")
        .bind(notice_ids)
        .execute(conn)
        .await?;
    Ok(())
}
