//! Events of the bus as rows of the log, and rows as messages.

pub(crate) mod comment;
pub(crate) mod figures;

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use chassis::{decode, encode, render};
use chrono::{DateTime, SecondsFormat, Utc};
use prost::Message;
use prost_types::Timestamp;
use proto::{
    activity::v1::ActivityEvent,
    event::v1::{Actor as WireActor, ActorKind as WireKind, Event},
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{
    entry::{Actor, ActorKind, Entry},
    reasons,
    route::{self, Place},
    sentence,
    store::list::Placed,
};

/// The row that an event becomes. Fails on an event without id, organization or time, which no service writes.
pub(crate) fn entry(event: &Event) -> anyhow::Result<Entry> {
    let encoded = event.encode_to_vec();
    let payload = render::event(&encoded)?.remove("payload");
    Ok(Entry {
        id: id("id", &event.id)?,
        organization_id: id("organization_id", &event.organization_id)?,
        board_id: optional_id("board_id", event.board_id.as_ref())?,
        task_id: optional_id("task_id", event.task_id.as_ref())?,
        agent_id: optional_id("agent_id", event.agent_id.as_ref())?,
        event_type: event.r#type.replace('\0', ""),
        actor: actor(event)?,
        occurred_at: time(event.occurred_at.as_ref())?.context("the event has no occurred_at")?,
        message: sentence::of(event),
        payload: payload.unwrap_or_default().to_string(),
        encoded,
    })
}

/// A moment of a payload, to the microsecond.
pub(crate) fn time(at: Option<&Timestamp>) -> anyhow::Result<Option<DateTime<Utc>>> {
    Ok(decode::time("time", at)?)
}

/// An id of a payload.
pub(crate) fn id(field: &str, text: &str) -> anyhow::Result<Uuid> {
    Ok(decode::id(field, text)?)
}

/// An id of a payload that may be absent.
pub(crate) fn optional_id(field: &str, text: Option<&String>) -> anyhow::Result<Option<Uuid>> {
    Ok(decode::optional_id(field, text.map(String::as_str))?)
}

fn actor(event: &Event) -> anyhow::Result<Actor> {
    let actor = event.actor.as_ref();
    Ok(Actor {
        kind: match actor.map(WireActor::kind) {
            Some(WireKind::User) => ActorKind::User,
            Some(WireKind::Agent) => ActorKind::Agent,
            Some(WireKind::System | WireKind::Unspecified) | None => ActorKind::System,
        },
        id: optional_id("actor.id", actor.and_then(|actor| actor.id.as_ref()))?,
        name: actor.map_or_else(String::new, |actor| actor.name.replace('\0', "")),
    })
}

/// A row as a list shows it; `reasons` says whether it tells why agents failed.
pub(crate) fn activity_event(row: Placed, reasons: bool) -> ActivityEvent {
    let entry = row.entry;
    let payload = payload(&entry, reasons);
    let (route_name, route_params) = place(&entry, &payload);
    ActivityEvent {
        id: entry.id.to_string(),
        sequence: row.sequence,
        event_type: entry.event_type,
        message: Some(entry.message),
        agent_id: encode::optional_id(entry.agent_id),
        task_id: encode::optional_id(entry.task_id),
        board_id: encode::optional_id(entry.board_id),
        created_at: Some(encode::time(entry.occurred_at)),
        actor: Some(WireActor {
            kind: match entry.actor.kind {
                ActorKind::User => WireKind::User,
                ActorKind::Agent => WireKind::Agent,
                ActorKind::System => WireKind::System,
            }
            .into(),
            id: encode::optional_id(entry.actor.id),
            name: entry.actor.name,
        }),
        route_name: route_name.to_owned(),
        route_params,
        payload: encode::to_struct(&payload),
        hash: hex::encode(row.hash),
    }
}

/// A row as an export writes it: the same members as [`activity_event`], by the rules of the REST API.
pub(crate) fn exported(row: Placed, reasons: bool) -> Map<String, Json> {
    let entry = row.entry;
    let payload = payload(&entry, reasons);
    let (route_name, route_params) = place(&entry, &payload);
    // In the order of their names: the same row is the same line every time.
    let route_params: BTreeMap<_, _> = route_params.into_iter().collect();
    let at = entry
        .occurred_at
        .to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let row = json!({
        "id": entry.id,
        "sequence": row.sequence,
        "event_type": entry.event_type,
        "message": entry.message,
        "agent_id": entry.agent_id,
        "task_id": entry.task_id,
        "board_id": entry.board_id,
        "created_at": at,
        "actor": {"kind": entry.actor.kind.word(), "id": entry.actor.id, "name": entry.actor.name},
        "route_name": route_name,
        "route_params": route_params,
        "payload": payload,
        "hash": hex::encode(row.hash),
    });
    match row {
        Json::Object(row) => row,
        _ => Map::new(),
    }
}

fn payload(entry: &Entry, reasons: bool) -> Json {
    let mut payload: Json = serde_json::from_str(&entry.payload).unwrap_or_default();
    if !reasons {
        reasons::withhold_json(&entry.event_type, &mut payload);
    }
    payload
}

fn place(entry: &Entry, payload: &Json) -> (&'static str, HashMap<String, String>) {
    route::of(Place {
        event_id: entry.id,
        event_type: &entry.event_type,
        occurred_at: entry.occurred_at,
        board_id: entry.board_id,
        task_id: entry.task_id,
        comment_id: payload.pointer("/comment/id").and_then(Json::as_str),
    })
}
