//! Who may call what, read once from the options of the contract: one row per RPC, together the authorization matrix.

mod manual;

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{MethodDescriptor, Value};

pub use manual::{Example, Manual, intent};

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

/// What a caller of an admitted kind must also have; `mission.access.v1.Right` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    Nothing,
    Self_,
    Member,
    Admin,
    Owner,
    BoardRead,
    BoardWrite,
    BoardAdmin,
    GroupRead,
    GroupWrite,
    Visible,
}

impl Right {
    fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Nothing,
            2 => Self::Self_,
            3 => Self::Member,
            4 => Self::Admin,
            5 => Self::Owner,
            6 => Self::BoardRead,
            7 => Self::BoardWrite,
            8 => Self::BoardAdmin,
            9 => Self::GroupRead,
            10 => Self::GroupWrite,
            11 => Self::Visible,
            _ => return None,
        })
    }
}

/// What a limited credential may be used for. Each includes the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    /// The word that credentials carry.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Whether these words let their bearer do what needs this scope. No words at all limit nothing.
    pub fn granted_by(self, words: &[String]) -> bool {
        words.is_empty()
            || [Self::Read, Self::Write, Self::Admin]
                .iter()
                .any(|held| *held >= self && words.iter().any(|word| word == held.word()))
    }
}

/// One row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub allow: Vec<Actor>,
    /// `None` refuses everybody.
    pub needs: Option<Right>,
    /// What a limited credential of a person needs: to read for what is read with GET, to administer for what only admins
    /// and owners may do and for what concerns the account, to write for the rest.
    pub scope: Scope,
}

static TABLE: LazyLock<HashMap<String, Rule>> = LazyLock::new(|| {
    crate::pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| (path(&method), rule_of(&method)))
        .collect()
});

/// Path of a method on the wire: `/mission.board.v1.TaskService/ListTasks`.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The row of a method.
pub fn rule_of(method: &MethodDescriptor) -> Rule {
    let allow = of(method);
    let needs = needs(method);
    let scope = if reads(method) {
        Scope::Read
    } else if matches!(needs, Some(Right::Self_ | Right::Owner)) || !allow.contains(&Actor::User) {
        Scope::Admin
    } else {
        Scope::Write
    };
    Rule {
        allow,
        needs,
        scope,
    }
}

/// The kinds of caller that a method admits; empty refuses everybody.
pub fn of(method: &MethodDescriptor) -> Vec<Actor> {
    let Some(Value::List(values)) = option(method, "mission.access.v1.allow") else {
        return Vec::new();
    };
    values
        .iter()
        .filter_map(|v| v.as_enum_number().and_then(Actor::from_number))
        .collect()
}

/// Name of each server-sent event of the method's stream, when the contract fixes one.
pub fn sse_event(method: &MethodDescriptor) -> Option<String> {
    option(method, "mission.access.v1.sse_event")?
        .as_str()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// What agents read about the method before they call it.
pub fn manual(method: &MethodDescriptor) -> Option<Manual> {
    let option = option(method, "mission.access.v1.manual")?;
    option.as_message().map(Manual::read)
}

fn needs(method: &MethodDescriptor) -> Option<Right> {
    option(method, "mission.access.v1.needs")?
        .as_enum_number()
        .and_then(Right::from_number)
}

fn reads(method: &MethodDescriptor) -> bool {
    option(method, "google.api.http").is_some_and(|http| {
        http.as_message()
            .is_some_and(|rule| rule.has_field_by_name("get"))
    })
}

fn option(method: &MethodDescriptor, name: &str) -> Option<Value> {
    let extension = crate::pool().get_extension_by_name(name)?;
    let options = method.options();
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

/// The row of the method at a wire path; `None` when the contract has no such method.
pub fn rule(path: &str) -> Option<&'static Rule> {
    TABLE.get(path)
}

/// The kinds of caller that the method at a wire path admits; `None` when the contract has no such method.
pub fn allowed(path: &str) -> Option<&'static [Actor]> {
    rule(path).map(|rule| rule.allow.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_says_who_may_call_it() {
        for service in crate::pool().services() {
            for method in service.methods() {
                let rule = rule_of(&method);
                assert!(
                    !rule.allow.is_empty(),
                    "{} has no allow option",
                    method.full_name()
                );
                assert!(
                    rule.needs.is_some(),
                    "{} has no needs option",
                    method.full_name()
                );
            }
        }
    }

    #[test]
    fn a_scope_includes_the_ones_before_it() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert!(Scope::Read.granted_by(&words(&["write"])));
        assert!(!Scope::Write.granted_by(&words(&["read"])));
        assert!(!Scope::Read.granted_by(&words(&["unknown"])));
        assert!(Scope::Admin.granted_by(&[]));
    }

    #[test]
    fn what_a_limited_credential_needs_follows_from_the_contract() {
        let scope = |path: &str| rule(path).unwrap().scope;
        assert_eq!(
            scope("/mission.board.v1.TaskService/ListTasks"),
            Scope::Read
        );
        assert_eq!(
            scope("/mission.board.v1.TaskService/UpdateTask"),
            Scope::Write
        );
        assert_eq!(
            scope("/mission.board.v1.BoardService/CreateBoard"),
            Scope::Admin
        );
        assert_eq!(scope("/mission.org.v1.UserService/DeleteMe"), Scope::Admin);
    }
}
