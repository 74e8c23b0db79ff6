//! What requests must look like beyond what [`chassis::decode`] knows.

use chassis::{Fault, decode, encode};
use prost_types::Struct;
use serde_json::{Map, Value};

use crate::{
    agent::{heartbeat, profile},
    gateway, workspace,
};

/// Characters of a name of a gateway and of an agent.
const GATEWAY_NAME: usize = 200;
const AGENT_NAME: usize = 100;
/// Characters of an address, of a path and of a gateway's token.
const URL: usize = 2_000;
const PATH: usize = 1_000;
const TOKEN: usize = 4_096;

/// A text on one line.
pub(super) fn line(field: &str, text: &str, max: usize) -> Result<String, Fault> {
    let text = decode::text(field, text, 1, max)?;
    if text.contains(char::is_control) {
        return Err(Fault::invalid(
            field,
            "CONTROL_CHARACTER",
            "must be one line without control characters",
        ));
    }
    Ok(text)
}

pub(super) fn gateway_name(name: &str) -> Result<String, Fault> {
    line("name", name, GATEWAY_NAME)
}

pub(super) fn agent_name(name: &str) -> Result<String, Fault> {
    line("name", name, AGENT_NAME)
}

pub(super) fn gateway_url(url: &str) -> Result<String, Fault> {
    let text = line("url", url, URL)?;
    gateway::url(&text)
        .map_err(|bad| Fault::rejected("GATEWAY_URL_INVALID", "url", bad.to_string()))
}

pub(super) fn workspace_root(root: &str) -> Result<String, Fault> {
    line("workspace_root", root, PATH)
}

pub(super) fn gateway_token(token: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("token", token, TOKEN)
}

/// A text that stands in for a whole file.
pub(super) fn file(field: &str, text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text(field, text, workspace::GIVEN)
}

pub(super) fn heartbeat_config(given: Option<&Struct>) -> Result<Value, Fault> {
    heartbeat::config(given.map(object)).map_err(|bad| {
        let field = if bad.key.is_empty() {
            "heartbeat_config".into()
        } else {
            format!("heartbeat_config.{}", bad.key)
        };
        Fault::invalid(field, "INVALID", bad.message)
    })
}

pub(super) fn identity_profile(given: Option<&Struct>) -> Result<Option<Value>, Fault> {
    let Some(given) = given else { return Ok(None) };
    profile::normalise(&object(given)).map_err(|bad| {
        let key: String = bad.key.chars().take(100).collect();
        let field = if key.is_empty() {
            "identity_profile".into()
        } else {
            format!("identity_profile.{key}")
        };
        Fault::invalid(field, "INVALID", bad.message)
    })
}

fn object(given: &Struct) -> Map<String, Value> {
    match encode::from_struct(given) {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
