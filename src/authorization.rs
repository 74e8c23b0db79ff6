//! `docs/authorization.md`, written from the contract itself.

use prost_reflect::{MethodDescriptor, ServiceDescriptor, Value};
use proto::access::{self, Actor, Right, Rule};

const HEAD: &str = "# Authorization

Who may call what. One row per operation, read from the options `allow` and `needs` in `proto/`, which are also what every process
enforces; `tests/journey/matrix.rs` calls every row as every kind of caller. Written by `mission-control authorization`; do not edit
by hand.

A caller acts in one organization. What belongs to another does not exist for it: 404. Inside the organization, what a caller may not see
is 404 as well, and what it sees and may not do is 403 with a code. Owners and admins see and write every board. A member has the
boards that were granted; writing implies reading. An agent has its own board, the main agent of a gateway the boards on that
gateway. Whatever has no row is refused.

| Column | Meaning |
|---|---|
| Callers | who may call at all: `user` is any person, `admin` an owner or admin, `lead`, `worker` and `main` are agents |
| Needs | what the caller must also have |
| Scope | what a limited API token must be good for |
";

/// The whole page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    let mut services: Vec<_> = proto::pool().services().collect();
    services.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    for service in services {
        let rows: Vec<_> = service
            .methods()
            .filter_map(|method| row(&method))
            .collect();
        if rows.is_empty() {
            continue;
        }
        page.push_str(&format!(
            "\n## {}\n\n| Operation | Callers | Needs | Scope |\n|---|---|---|---|\n{}",
            title(&service),
            rows.concat()
        ));
    }
    page
}

/// `mission.board.v1.TaskService` is `board: tasks`, as far as a name can say it.
fn title(service: &ServiceDescriptor) -> String {
    let name = service.name().trim_end_matches("Service");
    let area = service.package_name().split('.').nth(1).unwrap_or_default();
    format!("{area}: {name}")
}

/// Only what people and agents can reach: peers are told apart by the guard alone.
fn row(method: &MethodDescriptor) -> Option<String> {
    let routes = routes(method);
    if routes.is_empty() {
        return None;
    }
    let rule = access::rule_of(method);
    Some(format!(
        "| {} | {} | {} | {} |\n",
        routes.join("<br>"),
        callers(&rule),
        rule.needs.map_or("refused", needs),
        scope(&rule),
    ))
}

fn routes(method: &MethodDescriptor) -> Vec<String> {
    let Some(http) = proto::pool().get_extension_by_name("google.api.http") else {
        return Vec::new();
    };
    let options = method.options();
    if !options.has_extension(&http) {
        return Vec::new();
    }
    let rule = options.get_extension(&http).into_owned();
    let more = rule
        .as_message()
        .and_then(|rule| rule.get_field_by_name("additional_bindings"))
        .and_then(|more| more.as_list().map(<[Value]>::to_vec))
        .unwrap_or_default();
    std::iter::once(&rule)
        .chain(&more)
        .filter_map(|binding| {
            let binding = binding.as_message()?;
            ["get", "put", "post", "delete", "patch"]
                .iter()
                .find_map(|verb| {
                    let path = binding.get_field_by_name(verb)?.as_str()?.to_owned();
                    (!path.is_empty()).then(|| format!("`{} {path}`", verb.to_uppercase()))
                })
        })
        .collect()
}

fn callers(rule: &Rule) -> String {
    let words: Vec<_> = rule
        .allow
        .iter()
        .filter(|actor| **actor != Actor::Internal)
        .map(|actor| match actor {
            Actor::Public => "anybody",
            Actor::User => "user",
            Actor::OrgAdmin => "admin",
            Actor::Lead => "lead",
            Actor::Worker => "worker",
            Actor::GatewayMain => "main",
            Actor::Internal => "peer",
        })
        .collect();
    words.join(", ")
}

const fn needs(right: Right) -> &'static str {
    match right {
        Right::Nothing => "nothing",
        Right::Self_ => "to be the one it is about",
        Right::Member => "membership",
        Right::Admin => "owner or admin",
        Right::Owner => "owner",
        Right::BoardRead => "to read the board",
        Right::BoardWrite => "to write the board",
        Right::BoardAdmin => "to administer the board's organization",
        Right::GroupRead => "to read a board of the group",
        Right::GroupWrite => "to write a board of the group",
        Right::Visible => "answers what the caller may read",
    }
}

fn scope(rule: &Rule) -> &'static str {
    let people = [Actor::User, Actor::OrgAdmin];
    if people.iter().any(|person| rule.allow.contains(person)) {
        rule.scope.word()
    } else {
        "none"
    }
}
