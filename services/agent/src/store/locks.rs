//! What cannot be expressed by locking a row, because there is none to lock. All locks last until the transaction ends.

use sqlx::PgConnection;
use uuid::Uuid;

/// What a lock is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// Whether a board is paused.
    Pause,
    /// Whether a board, an organization or a gateway is still there.
    Being,
    /// Which leads a gateway has.
    Leads,
}

impl Matter {
    const fn word(self) -> &'static str {
        match self {
            Self::Pause => "agent.pause/",
            Self::Being => "agent.being/",
            Self::Leads => "agent.leads/",
        }
    }
}

/// Keeps the matter of these things as it is. Any number may do so at once.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    matter: Matter,
    ids: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query(
        "select pg_advisory_xact_lock_shared(hashtextextended($1 || id::text, 0))
         from (select id from unnest($2::uuid[]) as thing (id) order by id) things",
    )
    .bind(matter.word())
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for everybody who keeps the matter of a thing, and keeps everybody else from it.
pub(crate) async fn seize(conn: &mut PgConnection, matter: Matter, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1 || $2::text, 0))")
        .bind(matter.word())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}
