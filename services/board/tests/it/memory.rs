//! What boards and groups remember, and their chat.

mod chat;
mod groups;
mod input;
mod lists;
mod retention;
mod rights;

use chassis::Caller;
use proto::{
    board::v1::{
        BoardMemory, CreateBoardGroupMemoryRequest, CreateBoardGroupRequest,
        CreateBoardMemoryRequest, CreateGroupMemoryRequest, GroupMemory, ListBoardMemoryRequest,
        ListBoardMemoryResponse, UpdateBoardRequest,
    },
    event::v1::{BoardMemoryCreated, Event, GroupMemoryCreated, event::Payload},
};
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::owner,
    fixture::Fixture,
    request::{self, board_patch},
};

/// An entry that somebody wants on a board.
fn entry(board_id: Uuid, content: &str, tags: &[&str]) -> CreateBoardMemoryRequest {
    CreateBoardMemoryRequest {
        board_id: board_id.to_string(),
        content: content.to_owned(),
        tags: words(tags),
        source: None,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Fixture {
    async fn remember(
        &self,
        caller: &Caller,
        request: CreateBoardMemoryRequest,
    ) -> Result<BoardMemory, Status> {
        let answer = self.memory(caller).create_board_memory(request).await?;
        Ok(answer.into_inner().memory.unwrap())
    }

    /// A message in the chat of the board.
    async fn chat(&self, caller: &Caller, text: &str) -> Result<BoardMemory, Status> {
        let request = entry(self.board, text, &["chat"]);
        self.remember(caller, request).await
    }

    async fn remembered(&self, caller: &Caller, is_chat: Option<bool>) -> ListBoardMemoryResponse {
        let request = ListBoardMemoryRequest {
            board_id: self.board.to_string(),
            is_chat,
            ..ListBoardMemoryRequest::default()
        };
        let answer = self.memory(caller).list_board_memory(request).await;
        answer.unwrap().into_inner()
    }

    async fn remember_in_group(
        &self,
        caller: &Caller,
        group_id: Uuid,
        content: &str,
        tags: &[&str],
    ) -> Result<GroupMemory, Status> {
        let request = CreateGroupMemoryRequest {
            group_id: group_id.to_string(),
            content: content.to_owned(),
            tags: words(tags),
            source: None,
        };
        let answer = self.memory(caller).create_group_memory(request).await?;
        Ok(answer.into_inner().memory.unwrap())
    }

    async fn remember_through(
        &self,
        caller: &Caller,
        board_id: Uuid,
        content: &str,
        tags: &[&str],
    ) -> Result<GroupMemory, Status> {
        let request = CreateBoardGroupMemoryRequest {
            board_id: board_id.to_string(),
            content: content.to_owned(),
            tags: words(tags),
            source: None,
        };
        let mut client = self.memory(caller);
        let answer = client.create_board_group_memory(request).await?;
        Ok(answer.into_inner().memory.unwrap())
    }

    /// A new group with these boards in it.
    async fn group_of(&mut self, name: &str, boards: &[Uuid]) -> Uuid {
        let request = CreateBoardGroupRequest {
            name: name.to_owned(),
            ..CreateBoardGroupRequest::default()
        };
        let answer = self.groups(&owner()).create_board_group(request).await;
        let id = answer.unwrap().into_inner().group.unwrap().id;
        for board in boards {
            let joins = UpdateBoardRequest {
                board_group_id: Some(id.clone()),
                ..board_patch(*board, &["board_group_id"])
            };
            self.update_board(&owner(), joins).await.unwrap();
        }
        self.told(1 + boards.len()).await;
        id.parse().unwrap()
    }

    /// Another board of the organization.
    async fn board_named(&mut self, name: &str) -> Uuid {
        let board = self.create_board(&owner(), request::board(name)).await;
        self.told(1).await;
        board.unwrap().id.parse().unwrap()
    }
}

fn on_board(event: &Event) -> &BoardMemoryCreated {
    match &event.payload {
        Some(Payload::BoardMemoryCreated(payload)) => payload,
        other => panic!("{other:?}"),
    }
}

fn in_group(event: &Event) -> &GroupMemoryCreated {
    match &event.payload {
        Some(Payload::GroupMemoryCreated(payload)) => payload,
        other => panic!("{other:?}"),
    }
}
