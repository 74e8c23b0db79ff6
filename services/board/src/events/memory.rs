//! What was written down.

use chassis::Caller;
use proto::event::v1::{self as event, Event, event::Payload};
use uuid::Uuid;

use super::{Scene, groups::refs};
use crate::{
    group::Group,
    memory::{BoardMemory, Command, GroupMemory},
    wire,
};

impl Scene<'_> {
    /// An entry in the memory of the board, with the command that it was and that is obeyed.
    pub(crate) fn remembered(&self, memory: &BoardMemory, command: Option<Command>) -> Event {
        let payload = event::BoardMemoryCreated {
            memory: Some(wire::memory::board_memory(memory.clone())),
            board_name: self.board_name(),
            command: command.map(|command| command.as_str().to_owned()),
        };
        self.draft(Payload::BoardMemoryCreated(payload)).build()
    }
}

/// An entry in the memory of a group, and the boards whose agents can be told of it.
pub(crate) fn remembered_in_group(
    caller: &Caller,
    group: &Group,
    memory: &GroupMemory,
    boards: Vec<(Uuid, String)>,
    is_broadcast: bool,
) -> Event {
    let entry = &memory.entry;
    let payload = event::GroupMemoryCreated {
        memory: Some(wire::memory::group_memory(memory.clone())),
        group_name: group.name.clone(),
        boards: refs(boards),
        broadcast: is_broadcast,
        notify: is_broadcast || entry.is_chat(),
    };
    let mut draft = bus::event(
        caller.event_actor(),
        group.organization_id,
        entry.created_at,
        Payload::GroupMemoryCreated(payload),
    );
    if let Some(board_id) = memory.board_id {
        draft = draft.board(board_id);
    }
    match caller {
        Caller::Agent(agent) => draft.agent(agent.id).build(),
        Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => draft.build(),
    }
}
