//! What each kind of agent may call, small enough for a context window: a line per operation, and each operation alone
//! with the schemas that it needs.

use std::{collections::BTreeSet, fmt::Write as _, sync::LazyLock};

use proto::access::{Example, Manual};
use serde_json::{Map, Value, json};

use super::agents::{self, Audience, ROLES, Role};
use crate::route::Table;

/// Where it is read.
pub(crate) const PATH: &str = "/api/v1/agent/catalogue";
/// Where one operation is read.
pub(crate) const ONE: &str = "/api/v1/agent/catalogue/{operation_id}";

/// The catalogue, ready to be served.
pub(crate) struct Catalogue {
    /// For each role by its word, and for all of them without one: lines and JSON.
    pub(crate) lists: Vec<(Option<&'static str>, String, Value)>,
    /// Operations in full, by name.
    pub(crate) operations: Vec<(String, Value)>,
}

struct Entry {
    method: String,
    path: String,
    manual: Manual,
    roles: Vec<Role>,
}

impl Catalogue {
    pub(crate) fn of(table: &Table, document: &Value) -> Self {
        let entries = entries(table);
        let all = ROLES.map(Some).into_iter().chain([None]);
        Self {
            lists: all
                .map(|role| {
                    let shown = entries
                        .iter()
                        .filter(|entry| role.is_none_or(|role| entry.roles.contains(&role)));
                    let shown: Vec<_> = shown.collect();
                    let word = role.map(|role| role.word);
                    (word, lines(word, &shown), items(word, &shown))
                })
                .collect(),
            operations: entries
                .iter()
                .map(|entry| (entry.manual.operation_id.clone(), alone(entry, document)))
                .collect(),
        }
    }
}

fn entries(table: &Table) -> Vec<Entry> {
    let audience = Audience::of(table);
    let routes = table.routes();
    let foremost = routes.iter().filter(|route| audience.is_foremost(route));
    foremost
        .filter_map(|route| {
            let admits = |role: &Role| route.rpc.allow.contains(&role.actor);
            Some(Entry {
                method: route.method.to_string(),
                path: route.pattern.to_string(),
                manual: route.rpc.manual.clone()?,
                roles: ROLES.into_iter().filter(admits).collect(),
            })
        })
        .collect()
}

impl Entry {
    fn words(&self) -> Vec<&'static str> {
        self.roles.iter().map(|role| role.word).collect()
    }
}

/// Method, path, name, intent and when to use it, between tabs. For all roles together, the roles as well.
fn lines(role: Option<&str>, entries: &[&Entry]) -> String {
    let mut text = format!(
        "# What {} may call: method, path, operation, intent, when to use{}. More about one: GET {ONE}\n",
        role.map_or("agents".to_owned(), |role| format!("a {role} agent")),
        if role.is_none() { ", roles" } else { "" },
    );
    for entry in entries {
        let manual = &entry.manual;
        let _ = write!(
            text,
            "{}\t{}\t{}\t{}\t{}",
            entry.method,
            entry.path,
            manual.operation_id,
            manual.intent,
            manual.when_to_use.join(" "),
        );
        if role.is_none() {
            let _ = write!(text, "\t{}", entry.words().join(","));
        }
        text.push('\n');
    }
    text
}

fn items(role: Option<&str>, entries: &[&Entry]) -> Value {
    let items = entries.iter().map(|entry| {
        let manual = &entry.manual;
        json!({
            "method": entry.method,
            "path": entry.path,
            "operation_id": manual.operation_id,
            "intent": manual.intent,
            "when_to_use": manual.when_to_use,
            "roles": entry.words(),
        })
    });
    json!({"role": role, "items": items.collect::<Vec<_>>()})
}

/// One operation with what succeeding answers, and every schema that these refer to.
fn alone(entry: &Entry, document: &Value) -> Value {
    let mut operation = document["paths"][&entry.path][entry.method.to_ascii_lowercase()].clone();
    let done = operation["responses"]["200"].take();
    operation["responses"] = json!({"200": done});
    let schemas = &document["components"]["schemas"];
    let mut named = BTreeSet::new();
    collect(&operation, schemas, &mut named);
    let named = named
        .into_iter()
        .map(|name| (name.to_owned(), schemas[name].clone()));
    json!({
        "method": entry.method,
        "path": entry.path,
        "roles": entry.words(),
        "operation": operation,
        "components": {"schemas": named.collect::<Map<_, _>>()},
    })
}

/// Names of the schemas that a value refers to, through others.
fn collect<'a>(value: &'a Value, schemas: &'a Value, named: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|text| text.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && named.insert(name)
            {
                collect(&schemas[name], schemas, named);
            }
            for member in members.values() {
                collect(member, schemas, named);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, schemas, named)),
        _ => {}
    }
}

static LIST: LazyLock<Manual> = LazyLock::new(|| Manual {
    operation_id: "agent_catalogue".into(),
    intent: "operation_discovery".into(),
    actor: "any_agent".into(),
    when_to_use: vec!["To learn what you may call, in a few lines.".into()],
    when_not_to_use: vec!["To read one operation in full: agent_catalogue_operation.".into()],
    prerequisites: vec!["None; no token is needed.".into()],
    side_effects: vec!["None: it only reads.".into()],
    negative_guidance: vec!["Do not guess paths that are not in it.".into()],
    routing_policy: vec!["Once a day, with your role.".into()],
    routing_examples: vec![Example {
        intent: "what can I do here".into(),
        required_privilege: "any_agent".into(),
        decision: "agent_catalogue".into(),
    }],
});

static OPERATION: LazyLock<Manual> = LazyLock::new(|| Manual {
    operation_id: "agent_catalogue_operation".into(),
    intent: "operation_lookup".into(),
    actor: "any_agent".into(),
    when_to_use: vec![
        "Before the first call of an operation: its fields, limits and when not to use it.".into(),
    ],
    when_not_to_use: vec!["To find an operation: agent_catalogue.".into()],
    prerequisites: vec!["Its name, as agent_catalogue has it.".into()],
    side_effects: vec!["None: it only reads.".into()],
    negative_guidance: vec!["Do not read operations that you will not call.".into()],
    routing_policy: vec!["Find in agent_catalogue, read here, call.".into()],
    routing_examples: vec![Example {
        intent: "which fields does a new task have".into(),
        required_privilege: "board_lead".into(),
        decision: "agent_catalogue_operation".into(),
    }],
});

/// The two routes as the document describes them.
pub(super) fn paths() -> Map<String, Value> {
    let words = ROLES.map(|role| role.word);
    let list = operation(
        &LIST,
        "Lists what agents may call",
        "A line for each operation: method, path, operation, intent and when to use it, between tabs; with `format=json` \
         the same as JSON. Needs no credential. 422 for any other role.",
        json!([
            {
                "name": "role", "in": "query", "required": false,
                "description": "Only what this kind of agent may call.",
                "schema": {"type": "string", "enum": words},
            },
            {
                "name": "format", "in": "query", "required": false,
                "description": "Lines when absent.",
                "schema": {"type": "string", "enum": ["text", "json"]},
            },
        ]),
        json!({
            "text/plain": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/AgentCatalogue"}},
        }),
        "422",
    );
    let one = operation(
        &OPERATION,
        "Reads one operation that agents may call",
        "The operation as this document has it, with what succeeding answers and the schemas that it refers to. Needs no \
         credential. 404 `operation_not_found`.",
        json!([{
            "name": "operation_id", "in": "path", "required": true,
            "description": "The name of an operation of the catalogue.",
            "schema": {"type": "string"},
        }]),
        json!({"application/json": {"schema": {"type": "object", "additionalProperties": true}}}),
        "404",
    );
    Map::from_iter([
        (PATH.to_owned(), json!({"get": list})),
        (ONE.to_owned(), json!({"get": one})),
    ])
}

fn operation(
    manual: &Manual,
    summary: &str,
    description: &str,
    parameters: Value,
    content: Value,
    failure: &str,
) -> Value {
    let tags = [agents::TAG.0]
        .into_iter()
        .chain(ROLES.map(|role| role.tag));
    let mut operation = json!({
        "operationId": manual.operation_id,
        "summary": summary,
        "description": description,
        "tags": tags.collect::<Vec<_>>(),
        "security": [],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done.", "content": content},
            "304": {"description": "The caller's copy still holds."},
            failure: {"$ref": "#/components/responses/AgentProblem"},
        },
    });
    if let Some(members) = operation.as_object_mut() {
        members.extend(agents::members(manual));
    }
    operation
}

pub(super) fn schema() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "What agents may call.",
        "x-llm-intent": "operation_discovery",
        "required": ["role", "items"],
        "properties": {
            "role": {"type": ["string", "null"], "description": "The kind of agent that was asked for."},
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["method", "path", "operation_id", "intent", "when_to_use", "roles"],
                    "properties": {
                        "method": text("The HTTP method."),
                        "path": text("The path, with its fields in braces."),
                        "operation_id": text("The name, unique in this document."),
                        "intent": text("What it is for, in one term."),
                        "when_to_use": {"type": "array", "items": {"type": "string"}},
                        "roles": {"type": "array", "items": {"type": "string"}},
                    },
                },
            },
        },
    })
}
