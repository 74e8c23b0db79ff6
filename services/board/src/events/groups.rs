//! What befalls a group.

use chassis::Caller;
use chrono::{DateTime, Utc};
use proto::event::v1::{self as event, Event, event::Payload};
use uuid::Uuid;

use super::owned;
use crate::{group::Group, wire};

/// A group that a board left or joined, and the other boards in it.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) group: Group,
    pub(crate) boards: Vec<(Uuid, String)>,
}

impl Move {
    pub(super) fn told(self) -> event::GroupMove {
        event::GroupMove {
            group: Some(wire::groups::group(self.group)),
            boards: refs(self.boards),
        }
    }
}

pub(crate) fn created(caller: &Caller, group: &Group) -> Event {
    let payload = event::BoardGroupCreated { group: told(group) };
    let at = group.created_at;
    build(caller, group, at, Payload::BoardGroupCreated(payload))
}

pub(crate) fn updated(caller: &Caller, group: &Group, fields: &[&'static str]) -> Event {
    let payload = event::BoardGroupUpdated {
        group: told(group),
        changed_fields: owned(fields),
    };
    let at = group.updated_at;
    build(caller, group, at, Payload::BoardGroupUpdated(payload))
}

pub(crate) fn deleted(
    caller: &Caller,
    group: &Group,
    boards: Vec<(Uuid, String)>,
    at: DateTime<Utc>,
) -> Event {
    let payload = event::BoardGroupDeleted {
        group: told(group),
        boards: refs(boards),
    };
    build(caller, group, at, Payload::BoardGroupDeleted(payload))
}

fn build(caller: &Caller, group: &Group, at: DateTime<Utc>, payload: Payload) -> Event {
    bus::event(caller.event_actor(), group.organization_id, at, payload).build()
}

fn told(group: &Group) -> Option<proto::board::v1::BoardGroup> {
    Some(wire::groups::group(group.clone()))
}

/// Boards by id and name.
pub(crate) fn refs(boards: Vec<(Uuid, String)>) -> Vec<event::BoardRef> {
    boards
        .into_iter()
        .map(|(id, name)| event::BoardRef {
            id: id.to_string(),
            name,
        })
        .collect()
}
