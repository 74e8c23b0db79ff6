//! The methods, by area.

mod agents;
mod chat;
mod config;
mod files;
mod sessions;
mod skills;
mod system;

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use crate::{
    Failure, Version,
    frame::{Answer, Request},
    hub::Hub,
    scope,
};

/// Methods that every version announces.
pub(crate) const COMMON: &[&str] = &[
    "health",
    "status",
    "config.get",
    "config.patch",
    "agents.list",
    "agents.create",
    "agents.update",
    "agents.delete",
    "agents.files.list",
    "agents.files.get",
    "agents.files.set",
    "sessions.list",
    "sessions.patch",
    "sessions.reset",
    "sessions.delete",
    "chat.send",
    "chat.history",
    "cron.list",
    "skills.status",
];

/// Carries a request out.
pub(crate) fn call(hub: &Arc<Hub>, scopes: &[String], request: &Request) -> Answer {
    let version = hub.config.version;
    let params: &Value = &request.params;
    scope::check(version, scopes, &request.method)?;
    match request.method.as_str() {
        "connect" => Err(Failure::invalid(
            "connect is only valid as the first request",
        )),
        "health" => Ok(system::health(hub)),
        "status" => Ok(system::status(hub)),
        "cron.list" => Ok(system::cron_list(hub)),
        "cron.scratch.set" if version == Version::V2026_9_6 => {
            system::cron_scratch_set(hub, params)
        }
        "config.get" => Ok(config::get(hub)),
        "config.patch" => written(hub, Basis::File, || config::patch(hub, params)),
        "agents.list" => Ok(agents::list(hub)),
        "agents.create" => written(hub, Basis::Memory, || agents::create(hub, params)),
        "agents.update" => written(hub, Basis::Memory, || agents::update(hub, params)),
        "agents.delete" => written(hub, Basis::Memory, || agents::delete(hub, params)),
        "agents.files.list" => files::list(hub, params),
        "agents.files.get" => files::get(hub, params),
        "agents.files.set" => files::set(hub, params),
        "sessions.list" => sessions::list(hub, params),
        "sessions.patch" => sessions::patch(hub, params),
        "sessions.reset" => sessions::reset(hub, params),
        "sessions.delete" => sessions::delete(hub, params),
        "skills.status" => skills::status(hub, params),
        "chat.send" => chat::send(hub, params),
        "chat.history" => chat::history(hub, params),
        other => Err(Failure::invalid(format!("unknown method: {other}"))),
    }
}

/// What a change of the configuration starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    File,
    Memory,
}

/// Changes the configuration, of a gateway that may remember an earlier one.
fn written(hub: &Arc<Hub>, basis: Basis, change: impl FnOnce() -> Answer) -> Answer {
    let Some(memory) = hub.config.memory else {
        return change();
    };
    let before = {
        let mut state = hub.state();
        let before = state.config.clone();
        if let Some((earlier, until)) = &state.remembered
            && basis == Basis::Memory
            && Instant::now() < *until
        {
            state.config = earlier.clone();
        }
        before
    };
    let answer = change();
    let mut state = hub.state();
    if answer.is_ok() {
        state.remembered = Some((before, Instant::now() + memory));
    } else {
        state.config = before;
    }
    answer
}
