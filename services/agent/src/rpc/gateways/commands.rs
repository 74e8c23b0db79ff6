//! What the gateway protocol can be asked and tells, for clients that build on it. Gateways of each release know these.

use proto::agent::v1::ListGatewayCommandsResponse;

/// Highest version of the protocol that is spoken.
const PROTOCOL: i32 = 4;

const METHODS: [(&str, &[&str]); 28] = [
    (
        "",
        &[
            "health",
            "last-heartbeat",
            "send",
            "set-heartbeats",
            "status",
            "system-event",
            "system-presence",
            "wake",
        ],
    ),
    ("", &["agent"]),
    ("agent", &["identity.get", "wait"]),
    ("agents", &["create", "delete", "list", "update"]),
    ("agents.files", &["get", "list", "set"]),
    ("browser", &["request"]),
    ("channels", &["logout", "status"]),
    ("chat", &["abort", "history", "send"]),
    ("config", &["apply", "get", "patch", "schema", "set"]),
    (
        "cron",
        &["add", "list", "remove", "run", "runs", "status", "update"],
    ),
    ("device.pair", &["approve", "list", "reject"]),
    ("device.token", &["revoke", "rotate"]),
    ("exec.approval", &["request", "resolve"]),
    ("exec.approvals", &["get", "set"]),
    ("exec.approvals.node", &["get", "set"]),
    ("logs", &["tail"]),
    ("models", &["list"]),
    ("node", &["describe", "event", "invoke", "list", "rename"]),
    ("node.invoke", &["result"]),
    (
        "node.pair",
        &["approve", "list", "reject", "request", "verify"],
    ),
    (
        "sessions",
        &["compact", "delete", "list", "patch", "preview", "reset"],
    ),
    ("skills", &["bins", "install", "status", "update"]),
    ("talk", &["mode"]),
    (
        "tts",
        &[
            "convert",
            "disable",
            "enable",
            "providers",
            "setProvider",
            "status",
        ],
    ),
    ("update", &["run"]),
    ("usage", &["cost", "status"]),
    ("voicewake", &["get", "set"]),
    ("wizard", &["cancel", "next", "start", "status"]),
];

const EVENTS: [&str; 18] = [
    "connect.challenge",
    "agent",
    "chat",
    "presence",
    "tick",
    "talk.mode",
    "shutdown",
    "health",
    "heartbeat",
    "cron",
    "node.pair.requested",
    "node.pair.resolved",
    "node.invoke.request",
    "device.pair.requested",
    "device.pair.resolved",
    "voicewake.changed",
    "exec.approval.requested",
    "exec.approval.resolved",
];

/// All of it.
pub(super) fn all() -> ListGatewayCommandsResponse {
    let methods = METHODS.iter().flat_map(|(group, methods)| {
        methods.iter().map(move |method| match *group {
            "" => (*method).to_owned(),
            group => format!("{group}.{method}"),
        })
    });
    ListGatewayCommandsResponse {
        protocol_version: PROTOCOL,
        methods: methods.collect(),
        events: EVENTS.iter().map(|&event| event.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_named_once() {
        let all = all();
        let distinct = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len();
        assert_eq!((all.methods.len(), distinct(&all.methods)), (86, 86));
        assert_eq!((all.events.len(), distinct(&all.events)), (18, 18));
        for used in [
            "agents.files.set",
            "chat.history",
            "chat.send",
            "config.patch",
            "exec.approvals.node.get",
            "node.invoke.result",
            "sessions.reset",
            "skills.status",
        ] {
            assert!(all.methods.iter().any(|method| method == used), "{used}");
        }
    }
}
