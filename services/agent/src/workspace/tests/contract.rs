//! What the contract says of the paths that files mention.

use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use proto::access::{self, Actor, Manual};

use crate::agent::Role;

/// A route of the contract.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) input: MessageDescriptor,
    pub(super) has_body: bool,
    pub(super) manual: Option<Manual>,
    allow: Vec<Actor>,
}

static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
    let services = proto::pool().services();
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let mut calls: Vec<_> = methods
        .flat_map(|method| {
            bindings(&method)
                .into_iter()
                .map(move |(verb, path, body)| Call {
                    method: verb,
                    path,
                    input: method.input(),
                    has_body: !body.is_empty(),
                    manual: access::manual(&method),
                    allow: access::of(&method),
                })
        })
        .collect();
    // As the edge does it, a literal goes before a field.
    calls.sort_by_key(|call| call.path.matches('{').count());
    calls
});

fn bindings(method: &prost_reflect::MethodDescriptor) -> Vec<(String, String, String)> {
    let http = proto::pool()
        .get_extension_by_name("google.api.http")
        .unwrap();
    let options = method.options();
    if !options.has_extension(&http) {
        return Vec::new();
    }
    let rule = options.get_extension(&http);
    let rule = rule.as_message().unwrap();
    let more = rule.get_field_by_name("additional_bindings").unwrap();
    let more = more.as_list().unwrap().iter();
    let read = |rule: &DynamicMessage| {
        let text = |name: &str| {
            let value = rule.get_field_by_name(name);
            value
                .as_deref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let verbs = ["get", "put", "post", "delete", "patch"];
        let verb = verbs
            .into_iter()
            .find(|verb| !text(verb).is_empty())
            .unwrap();
        (verb.to_ascii_uppercase(), text(verb), text("body"))
    };
    std::iter::once(read(rule))
        .chain(more.filter_map(Value::as_message).map(read))
        .collect()
}

fn actor(role: Role) -> Actor {
    match role {
        Role::Main => Actor::GatewayMain,
        Role::Lead => Actor::Lead,
        Role::Worker => Actor::Worker,
    }
}

/// Every route that a role may call.
pub(super) fn calls(role: Role) -> impl Iterator<Item = &'static Call> {
    CALLS
        .iter()
        .filter(move |call| call.allow.contains(&actor(role)))
}

/// The route that a role means by a path, in which variables and fields stand for anything.
pub(super) fn find(role: Role, method: Option<&str>, path: &str) -> Option<&'static Call> {
    calls(role)
        .find(|call| method.is_none_or(|method| call.method == method) && is_met(&call.path, path))
}

fn is_met(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(wanted, found)| {
            *wanted == found || (wanted.starts_with('{') && !found.is_empty())
        })
}

/// Whether a path is one of the catalogue, which no RPC stands behind, and names what it has for the role.
pub(super) fn is_catalogue(role: Role, path: &str) -> bool {
    match path.strip_prefix("/api/v1/agent/catalogue") {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('/')
            .is_some_and(|name| is_operation(role, name)),
        None => false,
    }
}

/// Whether the role has an operation of this name.
pub(super) fn is_operation(role: Role, name: &str) -> bool {
    calls(role).any(|call| {
        call.manual
            .as_ref()
            .is_some_and(|manual| manual.operation_id == name)
    })
}
