//! Which RPC a REST request means. Compiled once from the `google.api.http` options of the contract; no route is written
//! by hand.

mod pattern;
mod rule;
mod table;

use std::sync::Arc;

use http::{Method, uri::PathAndQuery};
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use proto::access::{self, Actor, Right};

use crate::transcode::{Answer, Input};

pub use pattern::Pattern;
pub use table::{Match, Table};

/// A method of the contract that callers outside the mesh may reach.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// Path on gRPC: `/mission.board.v1.TaskService/ListTasks`.
    pub path: PathAndQuery,
    /// The component that serves it.
    pub role: &'static str,
    pub allow: Vec<Actor>,
    /// Whose rights it may change: who is remembered for their credentials is then no longer right.
    pub changes: Changes,
    /// Name of each server-sent event of its stream; `None` stands for the type of the event that a message carries.
    pub sse_event: Option<String>,
    /// What agents read before they call it; of everything that they may call.
    pub manual: Option<access::Manual>,
    pub descriptor: MethodDescriptor,
}

/// Whom a successful call may make somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    Nobody,
    /// Its caller.
    Caller,
    /// Any member of its caller's organization.
    Organization,
}

impl Rpc {
    /// `TaskService/ListTasks`, as logs and metrics name it.
    pub fn label(&self) -> &str {
        let path = self.path.path();
        path.rsplit_once('.').map_or(path, |(_, label)| label)
    }

    pub fn output(&self) -> MessageDescriptor {
        self.descriptor.output()
    }

    pub fn is_server_streaming(&self) -> bool {
        self.descriptor.is_server_streaming()
    }

    /// Whether it is for callers without a credential; one that is sent all the same is not looked at.
    pub fn is_public(&self) -> bool {
        self.allow.contains(&Actor::Public)
    }

    /// Whether it answers bytes of some media type, not JSON.
    pub fn answers_bytes(&self) -> bool {
        self.output().full_name() == "google.api.HttpBody"
    }
}

/// One route: a method and a pattern that mean an RPC.
#[derive(Debug)]
pub struct Route {
    pub method: Method,
    pub pattern: Pattern,
    pub rpc: Arc<Rpc>,
    pub input: Input,
    pub answer: Answer,
    /// Name of the field that is the answer, when it is not the whole message.
    pub response_body: Option<String>,
}

impl Route {
    /// Whether it is a stream of server-sent events.
    pub fn is_live(&self) -> bool {
        self.rpc.is_server_streaming() && !self.rpc.answers_bytes()
    }
}

/// Which component serves the services of a package.
const ROLES: [(&str, &str); 7] = [
    ("mission.org", "org"),
    ("mission.board", "board"),
    ("mission.agent", "agent"),
    ("mission.onboarding", "agent"),
    ("mission.approval", "approval"),
    ("mission.activity", "activity"),
    ("mission.webhook", "webhook-worker"),
];

/// Every method that somebody outside the mesh may call.
pub fn exposed() -> Vec<Arc<Rpc>> {
    let methods = proto::pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.filter_map(rpc).map(Arc::new).collect()
}

/// `None` for what only components of the mesh may call.
fn rpc(method: MethodDescriptor) -> Option<Rpc> {
    let package = method.parent_service().package_name().to_owned();
    let (_, role) = ROLES.iter().find(|(area, _)| {
        package
            .strip_prefix(area)
            .is_some_and(|version| version.starts_with('.'))
    })?;
    let allow = access::of(&method);
    if allow.iter().all(|actor| *actor == Actor::Internal) {
        return None;
    }
    let path = access::path(&method)
        .parse()
        .expect("names in the contract are plain");
    Some(Rpc {
        path,
        role,
        allow,
        changes: if *role == "org" {
            changes(&method)
        } else {
            Changes::Nobody
        },
        sse_event: access::sse_event(&method),
        manual: access::manual(&method),
        descriptor: method,
    })
}

/// The component that owns people changes, with what is for admins, others; with the rest, whoever calls.
fn changes(method: &MethodDescriptor) -> Changes {
    if !rule::writes(method) {
        return Changes::Nobody;
    }
    match access::rule_of(method).needs {
        Some(Right::Admin | Right::Owner) => Changes::Organization,
        _ => Changes::Caller,
    }
}
