//! Memory of a board, of a group, and of the group that a board is in.

use proto::{
    activity::v1::{
        WatchBoardGroupMemoryResponse, WatchBoardMemoryResponse, WatchGroupMemoryResponse,
    },
    board::v1::{BoardMemory, GroupMemory},
    event::v1::event::Payload,
};
use uuid::Uuid;

use super::{Kind, Target};
use crate::feed::Item;

pub(super) fn of_board(board_id: Uuid, is_chat: Option<bool>) -> Kind<WatchBoardMemoryResponse> {
    Kind {
        target: Target::Board(board_id),
        types: &["board.memory_created"],
        standing: |sequence| WatchBoardMemoryResponse {
            sequence,
            memory: None,
        },
        telling: Box::new(move |_, item| {
            let memory = board_entry(item)?.clone();
            wanted(is_chat, memory.is_chat).then_some(WatchBoardMemoryResponse {
                sequence: item.sequence,
                memory: Some(memory),
            })
        }),
    }
}

pub(super) fn of_group(group_id: Uuid, is_chat: Option<bool>) -> Kind<WatchGroupMemoryResponse> {
    Kind {
        target: Target::Group(group_id),
        types: &["board_group.memory_created"],
        standing: |sequence| WatchGroupMemoryResponse {
            sequence,
            memory: None,
        },
        telling: Box::new(move |_, item| {
            let memory = group_entry(item)?.clone();
            wanted(is_chat, memory.is_chat).then_some(WatchGroupMemoryResponse {
                sequence: item.sequence,
                memory: Some(memory),
            })
        }),
    }
}

pub(super) fn of_board_group(
    board_id: Uuid,
    is_chat: Option<bool>,
) -> Kind<WatchBoardGroupMemoryResponse> {
    Kind {
        target: Target::BoardGroup(board_id),
        types: &["board_group.memory_created"],
        standing: |sequence| WatchBoardGroupMemoryResponse {
            sequence,
            memory: None,
        },
        telling: Box::new(move |_, item| {
            let memory = group_entry(item)?.clone();
            wanted(is_chat, memory.is_chat).then_some(WatchBoardGroupMemoryResponse {
                sequence: item.sequence,
                memory: Some(memory),
            })
        }),
    }
}

fn board_entry(item: &Item) -> Option<&BoardMemory> {
    match item.event.payload.as_ref()? {
        Payload::BoardMemoryCreated(p) => p.memory.as_ref(),
        _ => None,
    }
}

fn group_entry(item: &Item) -> Option<&GroupMemory> {
    match item.event.payload.as_ref()? {
        Payload::GroupMemoryCreated(p) => p.memory.as_ref(),
        _ => None,
    }
}

fn wanted(is_chat: Option<bool>, is: bool) -> bool {
    is_chat.is_none_or(|wanted| wanted == is)
}
