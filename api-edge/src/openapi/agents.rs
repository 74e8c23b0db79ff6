//! Which operations are for agents, and what they read about them.

use std::collections::HashSet;

use proto::access::{Actor, Manual};
use serde_json::{Map, Value, json};

use crate::route::{Route, Table};

/// Where agents have routes of their own.
const OWN: &str = "/api/v1/agent/";
/// Told to agents although they have a route of their own for it: clients of the earlier API know it under this path.
const ALSO: &str = "/api/v1/boards/{board_id}/group-memory";
/// The tag of whatever is for agents.
pub(super) const TAG: (&str, &str) = ("agent", "What agents may call.");

/// A kind of agent, as the catalogue and the tags name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) actor: Actor,
    pub(crate) word: &'static str,
    pub(super) tag: &'static str,
    pub(super) text: &'static str,
}

pub(crate) const ROLES: [Role; 3] = [
    Role {
        actor: Actor::Lead,
        word: "lead",
        tag: "agent-lead",
        text: "What the lead of a board may call.",
    },
    Role {
        actor: Actor::Worker,
        word: "worker",
        tag: "agent-worker",
        text: "What a worker on a board may call.",
    },
    Role {
        actor: Actor::GatewayMain,
        word: "main",
        tag: "agent-main",
        text: "What the main agent of a gateway may call.",
    },
];

/// Which routes agents are told of: those of their own, and those of RPCs that have none there.
pub(super) struct Audience {
    /// RPCs with a route of the agents' own.
    own: HashSet<String>,
    /// The one route by which agents know each RPC, by RPC.
    foremost: Vec<(String, String)>,
}

impl Audience {
    pub(super) fn of(table: &Table) -> Self {
        let routes = table.routes();
        let rpc = |route: &Route| route.rpc.path.path().to_owned();
        let own: HashSet<_> = routes
            .iter()
            .filter(|route| is_own(route))
            .map(|route| rpc(route))
            .collect();
        let mut audience = Self {
            own,
            foremost: Vec::new(),
        };
        for route in &routes {
            let rpc = rpc(route);
            let is_first = audience.foremost.iter().all(|(known, _)| *known != rpc);
            let counts = is_own(route) || !audience.own.contains(&rpc);
            if is_first && counts && route.rpc.manual.is_some() {
                audience.foremost.push((rpc, route.pattern.to_string()));
            }
        }
        audience
    }

    /// What agents read about a route; `None` for a route that is not for them.
    pub(super) fn manual<'a>(&self, route: &'a Route) -> Option<&'a Manual> {
        let is_theirs = is_own(route)
            || route.pattern.to_string() == ALSO
            || !self.own.contains(route.rpc.path.path());
        route.rpc.manual.as_ref().filter(|_| is_theirs)
    }

    /// Whether agents know the RPC by this route.
    pub(super) fn is_foremost(&self, route: &Route) -> bool {
        let path = route.pattern.to_string();
        self.foremost
            .iter()
            .any(|(rpc, known)| rpc == route.rpc.path.path() && *known == path)
    }
}

fn is_own(route: &Route) -> bool {
    route.pattern.to_string().starts_with(OWN)
}

/// The members of an operation that hold its manual.
pub(super) fn members(manual: &Manual) -> Map<String, Value> {
    let examples = manual.routing_examples.iter().map(|example| {
        json!({
            "input": {"intent": example.intent, "required_privilege": example.required_privilege},
            "decision": example.decision,
        })
    });
    let members = [
        ("x-llm-intent", json!(manual.intent)),
        ("x-required-actor", json!(manual.actor)),
        ("x-when-to-use", json!(manual.when_to_use)),
        ("x-when-not-to-use", json!(manual.when_not_to_use)),
        ("x-prerequisites", json!(manual.prerequisites)),
        ("x-side-effects", json!(manual.side_effects)),
        ("x-negative-guidance", json!(manual.negative_guidance)),
        ("x-routing-policy", json!(manual.routing_policy)),
        ("x-routing-policy-examples", examples.collect()),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What agents are answered when an operation fails: the part of a problem that they decide by.
pub(super) fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A failure, as agents read it. Further members are those of `Problem`, and facts of the case.",
        "x-llm-intent": "error_handling",
        "required": ["detail", "request_id", "code", "retryable"],
        "properties": {
            "detail": {"type": "string", "description": "What went wrong, in words."},
            "request_id": {"type": ["string", "null"], "description": "To be named when asking people about it."},
            "code": {"type": "string", "description": "Stable; decide by it, not by the words."},
            "retryable": {
                "type": "boolean",
                "description": "Whether the same request may succeed later. Otherwise do not repeat it.",
            },
        },
        "additionalProperties": true,
    })
}
