//! What requests carry, decoded and bounded.

use chassis::{Fault, decode, encode};
use proto::gateway::v1::{Target, WorkspaceFile};
use serde_json::{Map, Value};

use crate::operation::File;

/// Files that one request may carry.
const MAX_FILES: usize = 50;
/// Characters of one file.
const MAX_CONTENT: usize = 400_000;
/// Characters of one message.
pub(super) const MAX_MESSAGE: usize = 200_000;
/// Bytes of a heartbeat as JSON.
const MAX_HEARTBEAT: usize = 32_768;

/// A target as it came.
pub(super) fn target(target: Option<Target>) -> Result<Target, Fault> {
    target.ok_or_else(|| Fault::invalid("target", "REQUIRED", "is required"))
}

/// A key that gateways take as an id unchanged, of an agent that may be made or removed: `main` belongs to the gateway's
/// owner.
pub(super) fn agent_key(text: &str) -> Result<String, Fault> {
    match any_agent_key(text) {
        Ok(key) if key == text && key != "main" => Ok(key),
        Ok(_) | Err(_) => Err(Fault::invalid(
            "agent_key",
            "NOT_AN_AGENT_KEY",
            "must be 1 to 64 of a-z, 0-9 and -, and not `main`",
        )),
    }
}

/// The key of any agent, also of one that somebody else has made. Gateways do not tell cases apart; by hand it may be
/// written in any.
pub(super) fn any_agent_key(text: &str) -> Result<String, Fault> {
    let key = text.to_ascii_lowercase();
    let lawful = key
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        && (1..=64).contains(&key.len())
        && !key.starts_with('-')
        && !key.ends_with('-');
    if lawful {
        Ok(key)
    } else {
        Err(Fault::invalid(
            "agent_key",
            "NOT_AN_AGENT_KEY",
            "must be 1 to 64 of a-z, 0-9, _ and -",
        ))
    }
}

/// A session's key.
pub(super) fn session_key(text: &str) -> Result<String, Fault> {
    decode::text("session_key", text, 1, 300)
}

/// The name of a workspace file.
pub(super) fn file_name(field: &str, text: &str) -> Result<String, Fault> {
    let name = decode::text(field, text, 1, 100)?;
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(Fault::invalid(
            field,
            "NOT_A_FILE_NAME",
            "must be a plain file name",
        ));
    }
    Ok(name)
}

/// Names of workspace files.
pub(super) fn file_names(texts: &[String]) -> Result<Vec<String>, Fault> {
    if texts.len() > MAX_FILES {
        return Err(Fault::invalid(
            "names",
            "TOO_MANY",
            format!("at most {MAX_FILES} names"),
        ));
    }
    let names = texts.iter().enumerate();
    names
        .map(|(index, text)| file_name(&format!("names[{index}]"), text))
        .collect()
}

pub(super) fn heartbeat(wire: &prost_types::Struct) -> Result<Map<String, Value>, Fault> {
    match encode::from_struct(wire) {
        Value::Object(heartbeat)
            if Value::from(heartbeat.clone()).to_string().len() <= MAX_HEARTBEAT =>
        {
            Ok(heartbeat)
        }
        _ => Err(Fault::invalid(
            "heartbeat",
            "TOO_LARGE",
            "at most 32768 bytes as JSON",
        )),
    }
}

pub(super) fn files(wire: Vec<WorkspaceFile>) -> Result<Vec<File>, Fault> {
    if wire.len() > MAX_FILES {
        return Err(Fault::invalid(
            "files",
            "TOO_MANY",
            format!("at most {MAX_FILES} files"),
        ));
    }
    let mut files: Vec<File> = Vec::with_capacity(wire.len());
    for (index, file) in wire.into_iter().enumerate() {
        let field = |name: &str| format!("files[{index}].{name}");
        let name = file_name(&field("name"), &file.name)?;
        if files.iter().any(|earlier| earlier.name == name) {
            return Err(Fault::invalid(
                field("name"),
                "REPEATED",
                "names a file twice",
            ));
        }
        // Content is kept to the byte: what surrounds it may matter to the agent.
        if file.content.contains('\0') || file.content.chars().count() > MAX_CONTENT {
            let message = format!("at most {MAX_CONTENT} characters without NUL");
            return Err(Fault::invalid(field("content"), "TOO_LONG", message));
        }
        files.push(File {
            name,
            content: file.content,
            keep_existing: file.keep_existing,
        });
    }
    Ok(files)
}
