//! The RPCs: decode, load, decide, save, answer.

pub(crate) mod activity;
pub(crate) mod comments;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod follow;
pub(crate) mod metrics;
pub(crate) mod streams;

use std::time::Duration;

use chassis::{BoardScope, decode, fault::Fault};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{error::Error, filter::Pattern, store::boards, viewer::Viewer};

/// Most types or families that a reader may name.
const MAX_PATTERNS: usize = 50;
/// How long a board that was created a moment ago is waited for: its event is on its way.
const ARRIVAL: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Types and families of events.
fn patterns(field: &str, texts: &[String]) -> Result<Vec<Pattern>, Fault> {
    if texts.len() > MAX_PATTERNS {
        return Err(Fault::invalid(
            field,
            "TOO_MANY",
            format!("at most {MAX_PATTERNS}"),
        ));
    }
    let read = |(index, text): (usize, &String)| {
        Pattern::parse(text).ok_or_else(|| {
            let message = "a type such as `task.created`, a family such as `task.*`, or `*`";
            Fault::invalid(format!("{field}[{index}]"), "NOT_AN_EVENT_TYPE", message)
        })
    };
    texts.iter().enumerate().map(read).collect()
}

/// The board that a reader names, when there is one.
fn optional_id(field: &str, text: Option<&String>) -> Result<Option<Uuid>, Fault> {
    decode::optional_id(field, text.map(String::as_str))
}

/// Looks for a thing that may be on its way, until it is there or has been waited for.
pub(crate) async fn arrival<T, Found>(look: impl Fn() -> Found) -> Result<Option<T>, Error>
where
    Found: Future<Output = Result<Option<T>, Error>>,
{
    let deadline = tokio::time::Instant::now() + ARRIVAL;
    loop {
        let found = look().await?;
        if found.is_some() || tokio::time::Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a reader makes of a board that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It does not exist.
    Hidden,
    /// What happened on it is there for admins.
    Readable,
}

/// Refuses a board that the viewer does not see: for it, there is none.
pub(crate) async fn must_see(
    pool: &PgPool,
    viewer: &Viewer,
    board: Uuid,
    gone: Gone,
) -> Result<BoardScope, Error> {
    let found =
        arrival(|| async { Ok(boards::find(&mut *pool.acquire().await?, board).await?) }).await?;
    match found {
        Some(known)
            if viewer.0.sees(&known.scope)
                && (!known.deleted || (gone == Gone::Readable && viewer.sees_deleted())) =>
        {
            Ok(known.scope)
        }
        _ => Err(Error::BoardNotFound(board)),
    }
}

/// The same of a board that a reader may name.
async fn may_see(
    pool: &PgPool,
    viewer: &Viewer,
    board: Option<Uuid>,
    gone: Gone,
) -> Result<(), Error> {
    if let Some(board) = board {
        must_see(pool, viewer, board, gone).await?;
    }
    Ok(())
}
