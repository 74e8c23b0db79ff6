//! The RPCs: decode, load, decide, save, answer.

pub(crate) mod activity;
pub(crate) mod feed;
pub(crate) mod metrics;

use std::time::Duration;

use chassis::{decode, fault::Fault};
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

/// Refuses a board that the viewer does not see: for it, there is none.
async fn must_see(pool: &PgPool, viewer: &Viewer, board: Option<Uuid>) -> Result<(), Error> {
    let Some(board) = board else { return Ok(()) };
    let deadline = tokio::time::Instant::now() + ARRIVAL;
    loop {
        let found = boards::find(&mut *pool.acquire().await?, board).await?;
        match found {
            Some(scope) if viewer.0.sees(&scope) => return Ok(()),
            Some(_) => return Err(Error::BoardNotFound(board)),
            None if tokio::time::Instant::now() >= deadline => {
                return Err(Error::BoardNotFound(board));
            }
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
