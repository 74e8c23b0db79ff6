//! The RPCs: decode, load, decide, save, answer.

pub(crate) mod access;
pub(crate) mod boards;
pub(crate) mod comments;
pub(crate) mod custom_fields;
pub(crate) mod directory;
pub(crate) mod groups;
pub(crate) mod memory;
mod paging;
pub(crate) mod pause;
pub(crate) mod snapshots;
pub(crate) mod tags;
pub(crate) mod tasks;

use chassis::{Caller, Clock, Cursor, conditional};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tonic::{Request, Response};
use uuid::Uuid;

use crate::{board::Board, events::Scene, peers::Peers};

/// What every RPC works with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) peers: Peers,
}

/// The scene of a caller's doings on a board.
fn scene<'a>(caller: &Caller, board: &'a Board, now: DateTime<Utc>) -> Scene<'a> {
    let agent_id = match caller {
        Caller::Agent(agent) => Some(agent.id),
        Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => None,
    };
    Scene {
        actor: caller.event_actor(),
        agent_id,
        board,
        now,
    }
}

/// The tag of whatever a board's version covers.
fn etag(version: impl std::fmt::Display) -> String {
    format!("\"{version}\"")
}

/// What a reader already has.
struct Copy(Option<String>);

impl Copy {
    fn of<T>(request: &Request<T>) -> Self {
        Self(conditional::if_none_match(request))
    }

    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it still holds.
    fn holds(&self, etag: &str) -> bool {
        self.0
            .as_deref()
            .is_some_and(|candidates| conditional::matches(candidates, etag))
    }
}

/// An answer or "your copy still holds".
enum Read<T> {
    Fresh(T, String),
    Unchanged(String),
}

impl<T: Default> From<Read<T>> for Response<T> {
    fn from(read: Read<T>) -> Self {
        match read {
            Read::Fresh(message, etag) => conditional::answer(message, &etag),
            Read::Unchanged(etag) => conditional::not_modified(&etag),
        }
    }
}

/// The place of a row in a list by time.
const fn cursor(at: DateTime<Utc>, id: Uuid) -> Cursor {
    Cursor { at, id }
}
