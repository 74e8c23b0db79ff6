//! Who may call what, read once from the `allow` options of the contract.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{MethodDescriptor, Value};

/// A kind of caller, as the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    Public,
    User,
    OrgAdmin,
    Lead,
    Worker,
    GatewayMain,
    Internal,
}

impl Actor {
    fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Public,
            2 => Self::User,
            3 => Self::OrgAdmin,
            4 => Self::Lead,
            5 => Self::Worker,
            6 => Self::GatewayMain,
            7 => Self::Internal,
            _ => return None,
        })
    }
}

static TABLE: LazyLock<HashMap<String, Vec<Actor>>> = LazyLock::new(|| {
    crate::pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| (path(&method), of(&method)))
        .collect()
});

/// Path of a method on the wire: `/mission.board.v1.TaskService/ListTasks`.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The kinds of caller that a method admits; empty refuses everybody.
pub fn of(method: &MethodDescriptor) -> Vec<Actor> {
    let Some(allow) = crate::pool().get_extension_by_name("mission.access.v1.allow") else {
        return Vec::new();
    };
    let options = method.options();
    let Value::List(values) = options.get_extension(&allow).into_owned() else {
        return Vec::new();
    };
    values
        .iter()
        .filter_map(|v| v.as_enum_number().and_then(Actor::from_number))
        .collect()
}

/// The kinds of caller that the method at a wire path admits; `None` when the contract has no such method.
pub fn allowed(path: &str) -> Option<&'static [Actor]> {
    TABLE.get(path).map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rpc_says_who_may_call_it() {
        for service in crate::pool().services() {
            for method in service.methods() {
                assert!(
                    !super::of(&method).is_empty(),
                    "{} has no allow option",
                    method.full_name()
                );
            }
        }
    }
}
