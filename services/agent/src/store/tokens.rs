//! Credentials of agents. Hashes, and the one token that is still to be written, sealed.

use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::agent::Agent;

/// An agent and what its token is judged by.
#[derive(Debug)]
pub(crate) struct Credential {
    pub agent: Agent,
    pub current_hash: Option<String>,
    pub next_hash: Option<String>,
}

impl FromRow<'_, PgRow> for Credential {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: Agent::from_row(row)?,
            current_hash: row.try_get("current_hash")?,
            next_hash: row.try_get("next_hash")?,
        })
    }
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Option<Credential>> {
    sqlx::query_as(
        "select agent.*, agent_token.current_hash, agent_token.next_hash
         from agent join agent_token on agent_token.agent_id = agent.id
         where agent.id = $1 and agent.leaving_at is null",
    )
    .bind(agent_id)
    .fetch_optional(conn)
    .await
}

/// The token that is still to be written into the agent's files, sealed.
pub(crate) async fn unwritten(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Option<Vec<u8>>> {
    let sealed: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("select unwritten_sealed from agent_token where agent_id = $1")
            .bind(agent_id)
            .fetch_optional(conn)
            .await?;
    Ok(sealed.flatten())
}

/// Makes a token the next one, unless another is still to be written. The token that the files hold stays valid; one
/// before that does not. Answers whether a token that was valid no longer is, or `None` when nothing was changed.
pub(crate) async fn prepare(
    conn: &mut PgConnection,
    agent_id: Uuid,
    hash: &str,
    sealed: &[u8],
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar(
        "with before as (
             select agent_id, current_hash is not null and next_hash is not null as ends_one
             from agent_token where agent_id = $1 and unwritten_sealed is null
             for update
         )
         update agent_token
         set current_hash = coalesce(next_hash, current_hash), next_hash = $2, unwritten_sealed = $3
         from before where before.agent_id = agent_token.agent_id
         returning before.ends_one",
    )
    .bind(agent_id)
    .bind(hash)
    .bind(sealed)
    .fetch_optional(conn)
    .await
}

/// The files hold the newest token: nobody needs it in the clear any more.
pub(crate) async fn written(conn: &mut PgConnection, agent_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("update agent_token set unwritten_sealed = null where agent_id = $1")
        .bind(agent_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The next token was used, so the one before it ends. Answers whether there was one before, or `None` when somebody
/// else was quicker.
pub(crate) async fn promote(
    conn: &mut PgConnection,
    agent_id: Uuid,
    next_hash: &str,
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar(
        "with before as (
             select agent_id, current_hash is not null as ends_one
             from agent_token where agent_id = $1 and next_hash = $2
             for update
         )
         update agent_token set current_hash = next_hash, next_hash = null
         from before where before.agent_id = agent_token.agent_id
         returning before.ends_one",
    )
    .bind(agent_id)
    .bind(next_hash)
    .fetch_optional(conn)
    .await
}
