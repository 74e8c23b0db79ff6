//! The templates, and which of them a role gets.

use askama::Template;

use super::{Board, View};
use crate::agent::Role;

macro_rules! page {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        pub(super) struct $name<'a> {
            pub(super) w: &'a View,
        }
    };
    ($name:ident, $path:literal, board) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            w: &'a View,
            board: &'a Board,
        }
    };
}
page!(Tools, "tools.md");
page!(Identity, "identity.md");
page!(User, "user.md");
page!(ImportWake, "import_wake.txt");
page!(Import, "import.md", board);
page!(AgentsMain, "agents/main.md");
page!(AgentsBoard, "agents/board.md", board);
page!(HeartbeatBoard, "heartbeat/board.md");
page!(MemoryGeneral, "memory/general.md");

#[derive(Template)]
#[template(path = "heartbeat/main.md")]
struct HeartbeatMain;

#[derive(Template)]
#[template(path = "memory/lead.md")]
struct MemoryLead;

#[derive(Template)]
#[template(path = "soul/lead.md")]
struct SoulLead;

#[derive(Template)]
#[template(path = "soul/general.md")]
struct SoulGeneral;

#[derive(Template)]
#[template(path = "bootstrap.md")]
struct Bootstrap<'a> {
    board: &'a Board,
}

/// The message that starts a session.
#[derive(Template)]
#[template(path = "wake.txt")]
pub(super) struct Wake<'a> {
    pub(super) w: &'a View,
    pub(super) verb: &'static str,
    pub(super) first: bool,
}

/// A template of board agents was asked for an agent whose board is not known.
#[derive(Debug, thiserror::Error)]
#[error("the board of a board agent is not known")]
struct NoBoard;

fn board(w: &View) -> askama::Result<&Board> {
    w.board
        .as_ref()
        .ok_or_else(|| askama::Error::Custom(Box::new(NoBoard)))
}

pub(super) fn agents(w: &View) -> askama::Result<String> {
    match w.role {
        Role::Main => AgentsMain { w }.render(),
        Role::Lead | Role::Worker => AgentsBoard {
            w,
            board: board(w)?,
        }
        .render(),
    }
}

/// The section of an imported agent.
pub(super) fn import(w: &View) -> askama::Result<String> {
    Import {
        w,
        board: board(w)?,
    }
    .render()
}

pub(super) fn heartbeat(w: &View) -> askama::Result<String> {
    match w.role {
        Role::Main => HeartbeatMain.render(),
        Role::Lead | Role::Worker => HeartbeatBoard { w }.render(),
    }
}

pub(super) fn memory(w: &View) -> askama::Result<String> {
    match w.role {
        Role::Lead => MemoryLead.render(),
        Role::Main | Role::Worker => MemoryGeneral { w }.render(),
    }
}

pub(super) fn soul(w: &View) -> askama::Result<String> {
    match w.role {
        Role::Lead => SoulLead.render(),
        Role::Main | Role::Worker => SoulGeneral.render(),
    }
}

pub(super) fn bootstrap(w: &View) -> askama::Result<String> {
    Bootstrap { board: board(w)? }.render()
}
