//! Credentials of agents: hashes, and the newest token, sealed, for whoever writes the files again.

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

/// The newest token, sealed, and whether the files hold it.
#[derive(Debug, FromRow)]
pub(crate) struct Newest {
    pub newest_sealed: Option<Vec<u8>>,
    pub is_written: bool,
}

pub(crate) async fn find_newest(
    conn: &mut PgConnection,
    agent_id: Uuid,
) -> sqlx::Result<Option<Newest>> {
    sqlx::query_as("select newest_sealed, is_written from agent_token where agent_id = $1")
        .bind(agent_id)
        .fetch_optional(conn)
        .await
}

/// Makes a token the newest one, unless another came in place of the one that it is to follow. The token that the files
/// hold stays valid; one before that does not. Answers whether a token that was valid no longer is, or `None` when nothing
/// was changed.
pub(crate) async fn prepare(
    conn: &mut PgConnection,
    agent_id: Uuid,
    after: Option<&[u8]>,
    hash: &str,
    sealed: &[u8],
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar(
        "with before as (
             select agent_id, next_hash is not null and (current_hash is not null or not is_written) as ends_one
             from agent_token where agent_id = $1 and newest_sealed is not distinct from $4
             for update
         )
         update agent_token
         set current_hash = case when is_written then coalesce(next_hash, current_hash) else current_hash end,
             next_hash = $2, newest_sealed = $3, is_written = false
         from before where before.agent_id = agent_token.agent_id
         returning before.ends_one",
    )
    .bind(agent_id)
    .bind(hash)
    .bind(sealed)
    .bind(after)
    .fetch_optional(conn)
    .await
}

/// Makes a token the only one, which the files do not hold yet.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    agent_id: Uuid,
    hash: &str,
    sealed: &[u8],
) -> sqlx::Result<()> {
    sqlx::query(
        "update agent_token set current_hash = null, next_hash = $2, newest_sealed = $3, is_written = false
         where agent_id = $1",
    )
    .bind(agent_id)
    .bind(hash)
    .bind(sealed)
    .execute(conn)
    .await?;
    Ok(())
}

/// The files hold this token, if it is the newest one still.
pub(crate) async fn written(
    conn: &mut PgConnection,
    agent_id: Uuid,
    sealed: &[u8],
) -> sqlx::Result<()> {
    sqlx::query(
        "update agent_token set is_written = true where agent_id = $1 and newest_sealed = $2",
    )
    .bind(agent_id)
    .bind(sealed)
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
