//! News of boards, groups and chat.

use anyhow::Context;
use chassis::encode;
use proto::{
    board::v1::{Author, Board},
    event::v1::{
        BoardMemoryCreated, BoardRef, BoardUpdated, Event, FieldChange, GroupMemoryCreated,
        GroupMove,
    },
};
use serde_json::Value;
use uuid::Uuid;

use super::{News, Rule, acting_agent, author, ids, news};
use crate::notice::{
    Kind,
    audience::Audience,
    text::{
        Subject,
        board::{Change, Chat, Field, Move, Named, Place},
    },
};

/// A board that changed: who leaves, who joins, and what else is new.
pub(super) fn updated(event: &Event, updated: &BoardUpdated) -> anyhow::Result<Vec<News>> {
    let board = updated
        .board
        .as_ref()
        .context("a board event carries its board")?;
    let moves = [
        (Kind::BoardGroupLeave, updated.left_group.as_ref()),
        (Kind::BoardGroupJoin, updated.joined_group.as_ref()),
    ];
    let mut told = Vec::new();
    for (kind, moved) in moves {
        if let Some(moved) = moved {
            told.push(move_news(event, kind, board, moved)?);
        }
    }
    if !updated.changes.is_empty() {
        let id = id_of(board)?;
        let change = Change {
            board_name: board.name.clone(),
            fields: updated.changes.iter().map(field).collect(),
        };
        let audience = audience(event, Kind::BoardUpdated, vec![id], Vec::new())?;
        told.push(news(event, None, audience, Subject::Change(change))?);
    }
    Ok(told)
}

fn move_news(event: &Event, kind: Kind, board: &Board, moved: &GroupMove) -> anyhow::Result<News> {
    let group = moved
        .group
        .as_ref()
        .context("a move between groups carries its group")?;
    let board = Named {
        id: id_of(board)?,
        name: board.name.clone(),
    };
    let others = boards(&moved.boards)?;
    let concerned = std::iter::once(&board)
        .chain(&others)
        .map(|board| board.id)
        .collect();
    let subject = Subject::Move(Move {
        group: Named {
            id: Uuid::try_parse(&group.id).context("id of a group")?,
            name: group.name.clone(),
        },
        others,
        board,
    });
    let audience = audience(event, kind, concerned, Vec::new())?;
    news(event, None, audience, subject)
}

/// An entry in a board's memory: chat, a command, or nothing that anybody is told.
pub(super) fn memory(event: &Event, created: &BoardMemoryCreated) -> anyhow::Result<Option<News>> {
    let memory = created
        .memory
        .as_ref()
        .context("a memory event carries its entry")?;
    let id = Uuid::try_parse(&memory.board_id).context("board of an entry")?;
    let mentioned = ids(&memory.mentioned_agent_ids)?;
    let (kind, subject) = match created.command.as_deref() {
        Some(command) => (Kind::BoardCommand, Subject::Command(format!("/{command}"))),
        None if memory.is_chat => {
            let place = Place::Board(Named {
                id,
                name: created.board_name.clone(),
            });
            let chat = chat(event, place, memory.author.as_ref(), &memory.content);
            (Kind::BoardChat, Subject::Chat(chat))
        }
        None => return Ok(None),
    };
    let audience = audience(event, kind, vec![id], mentioned)?;
    news(event, None, audience, subject).map(Some)
}

/// An entry in a group's memory: chat, a broadcast, or nothing that anybody is told.
pub(super) fn group_memory(
    event: &Event,
    created: &GroupMemoryCreated,
) -> anyhow::Result<Option<News>> {
    if !created.notify {
        return Ok(None);
    }
    let memory = created
        .memory
        .as_ref()
        .context("a memory event carries its entry")?;
    let place = Place::Group(Named {
        id: Uuid::try_parse(&memory.board_group_id).context("group of an entry")?,
        name: created.group_name.clone(),
    });
    let kind = if created.broadcast {
        Kind::GroupBroadcast
    } else {
        Kind::GroupChat
    };
    let concerned = boards(&created.boards)?
        .iter()
        .map(|board| board.id)
        .collect();
    let audience = audience(event, kind, concerned, ids(&memory.mentioned_agent_ids)?)?;
    let chat = chat(event, place, memory.author.as_ref(), &memory.content);
    news(event, None, audience, Subject::Chat(chat)).map(Some)
}

fn audience(
    event: &Event,
    kind: Kind,
    board_ids: Vec<Uuid>,
    mentioned: Vec<Uuid>,
) -> anyhow::Result<Rule> {
    Ok(Rule::Audience(Audience {
        kind,
        board_ids,
        mentioned,
        actor: acting_agent(event)?,
    }))
}

/// The name is that of who really wrote it, whatever the entry says of its source.
fn chat(event: &Event, place: Place, written_by: Option<&Author>, content: &str) -> Chat {
    Chat {
        place,
        from: written_by
            .map_or_else(|| author(event), |author| &author.name)
            .to_owned(),
        content: content.to_owned(),
    }
}

fn field(change: &FieldChange) -> Field {
    let json = |value: Option<&prost_types::Value>| value.map_or(Value::Null, encode::from_value);
    Field {
        name: change.field.clone(),
        old: json(change.old.as_ref()),
        new: json(change.new.as_ref()),
    }
}

fn boards(refs: &[BoardRef]) -> anyhow::Result<Vec<Named>> {
    refs.iter()
        .map(|board| {
            Ok(Named {
                id: Uuid::try_parse(&board.id).context("id of a board")?,
                name: board.name.clone(),
            })
        })
        .collect()
}

fn id_of(board: &Board) -> anyhow::Result<Uuid> {
    Uuid::try_parse(&board.id).context("id of a board")
}
