//! Which scope a method needs.

use serde_json::json;

use crate::{Failure, Version};

/// Refuses a method that the connection's scopes do not cover. `operator.admin` covers everything, write covers read.
pub(crate) fn check(version: Version, scopes: &[String], method: &str) -> Result<(), Failure> {
    let Some(needed) = needed(version, method) else {
        return Ok(());
    };
    let has = |scope: &str| scopes.iter().any(|held| held == scope);
    if has("operator.admin") || has(needed) || (needed == "operator.read" && has("operator.write"))
    {
        return Ok(());
    }
    let message = format!("missing scope: {needed}");
    Err(match version {
        Version::V2026_2_9 | Version::V2026_7_1 => Failure::invalid(message),
        Version::V2026_9_6 => Failure::new("FORBIDDEN", message).details(json!({
            "code": "MISSING_SCOPE", "missingScope": needed, "requiredScopes": [needed],
        })),
    })
}

fn needed(version: Version, method: &str) -> Option<&'static str> {
    let old = version == Version::V2026_2_9;
    Some(match method {
        "health" if !old => return None,
        "health" | "status" | "agents.list" | "sessions.list" | "chat.history" | "cron.list"
        | "skills.status" => "operator.read",
        "config.get" | "agents.files.list" | "agents.files.get" if !old => "operator.read",
        "chat.send" => "operator.write",
        "sessions.patch" if !old => "operator.write",
        _ => "operator.admin",
    })
}
