//! Which RPC a REST request means. Compiled once from the `google.api.http` options of the contract; no route is written
//! by hand.

mod pattern;
mod rule;
mod table;

use std::sync::Arc;

use http::{Method, uri::PathAndQuery};
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use proto::access::{self, Actor};

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
    /// Whether it may change what its caller is: who is remembered for the credential is then no longer right.
    pub changes_callers: bool,
    pub descriptor: MethodDescriptor,
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

    pub fn is_public(&self) -> bool {
        self.allow.contains(&Actor::Public)
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

/// Which component serves the services of a package.
const ROLES: [(&str, &str); 6] = [
    ("mission.org", "org"),
    ("mission.board", "board"),
    ("mission.agent", "agent"),
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
        changes_callers: *role == "org" && rule::writes(&method),
        descriptor: method,
    })
}
