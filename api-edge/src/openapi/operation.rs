//! One route as an OpenAPI operation.

use std::collections::{BTreeMap, HashSet};

use http::Method;
use prost_reflect::{Cardinality, FieldDescriptor, Kind};
use proto::access::Actor;
use serde_json::{Map, Value, json};

use super::{
    comments::{Comments, sentence},
    schema::Schemas,
};
use crate::{route::Route, transcode::Body};

/// Operations described so far.
pub(super) struct Operations<'a> {
    comments: &'a Comments,
    names: HashSet<String>,
    tags: BTreeMap<String, String>,
}

/// Tags by which an agent finds what it may call.
const ROLE_TAGS: [(Actor, &str, &str); 3] = [
    (
        Actor::Lead,
        "agent-lead",
        "What the lead of a board may call.",
    ),
    (
        Actor::Worker,
        "agent-worker",
        "What a worker on a board may call.",
    ),
    (
        Actor::GatewayMain,
        "agent-main",
        "What the main agent of a gateway may call.",
    ),
];

impl<'a> Operations<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self {
            comments,
            names: HashSet::new(),
            tags: BTreeMap::new(),
        }
    }

    pub(super) fn tags(&self) -> Value {
        self.tags
            .iter()
            .map(|(name, text)| json!({"name": name, "description": text}))
            .collect()
    }

    pub(super) fn describe(&mut self, route: &Route, schemas: &mut Schemas<'_>) -> Value {
        let method = &route.rpc.descriptor;
        let comment = self.comments.method(method);
        let fallback = spaced(method.name());
        let comment = if comment.is_empty() {
            fallback.as_str()
        } else {
            comment
        };
        let mut operation = json!({
            "operationId": self.name(route),
            "summary": sentence(comment),
            "description": comment,
            "tags": self.tag(route),
            "security": security(&route.rpc.allow),
            "x-required-actor": required_actor(&route.rpc.allow),
            "x-llm-intent": sentence(comment),
            "parameters": parameters(route, schemas),
            "responses": responses(route, schemas),
        });
        if let Some(body) = request_body(route, schemas) {
            operation["requestBody"] = body;
        }
        operation
    }

    /// `list_tasks`; on the agents' own routes `agent_list_tasks`; with a number where a third route means the same.
    fn name(&mut self, route: &Route) -> String {
        let method = spaced(route.rpc.descriptor.name())
            .to_ascii_lowercase()
            .replace(' ', "_");
        let is_agents = route.pattern.to_string().starts_with("/api/v1/agent/");
        let base = if is_agents && !method.contains("agent") {
            format!("agent_{method}")
        } else {
            method
        };
        let mut name = base.clone();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }

    fn tag(&mut self, route: &Route) -> Vec<String> {
        let service = route.rpc.descriptor.parent_service();
        let own = service.name().trim_end_matches("Service").to_owned();
        let own = spaced(&own).to_ascii_lowercase();
        self.tags
            .entry(own.clone())
            .or_insert_with(|| self.comments.service(service).to_owned());
        let mut tags = vec![own];
        for (_, tag, text) in ROLE_TAGS
            .iter()
            .filter(|(actor, _, _)| route.rpc.allow.contains(actor))
        {
            self.tags
                .entry((*tag).to_owned())
                .or_insert_with(|| (*text).to_owned());
            tags.push((*tag).to_owned());
        }
        tags
    }
}

/// `ListBoardNotices` as `List board notices`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            text.push(' ');
            text.push(letter.to_ascii_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

fn security(allow: &[Actor]) -> Value {
    let agents = [Actor::Lead, Actor::Worker, Actor::GatewayMain];
    if allow.contains(&Actor::Public) {
        json!([{}])
    } else if allow.iter().any(|actor| agents.contains(actor)) {
        json!([{"bearer": []}, {"agent_token": []}])
    } else {
        json!([{"bearer": []}])
    }
}

fn required_actor(allow: &[Actor]) -> String {
    let words = allow.iter().filter_map(|actor| match actor {
        Actor::Public => Some("anybody"),
        Actor::User => Some("user"),
        Actor::OrgAdmin => Some("organization admin"),
        Actor::Lead => Some("agent-lead"),
        Actor::Worker => Some("agent-worker"),
        Actor::GatewayMain => Some("agent-main"),
        Actor::Internal => None,
    });
    words.collect::<Vec<_>>().join(", ")
}

fn parameters(route: &Route, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    for field in route.input.path() {
        found.push(json!({"name": field.name(), "in": "path", "required": true, "schema": schemas.field(field, false)}));
    }
    if *route.input.body() == Body::Ignored {
        for field in route.input.query_fields().filter(is_plain) {
            found.push(json!({"name": field.name(), "in": "query", "required": false, "schema": schemas.field(&field, false)}));
        }
    }
    if route.method == Method::GET && !route.rpc.is_server_streaming() {
        found.push(header(
            "If-None-Match",
            "Tag of the copy that the caller has; 304 when it still holds.",
        ));
    }
    if route.rpc.is_server_streaming() {
        found.push(header(
            "Last-Event-ID",
            "Id of the last event that was seen; the stream goes on after it.",
        ));
    }
    if route
        .input
        .message()
        .get_field_by_name("expected_version")
        .is_some()
    {
        found.push(header(
            "If-Match",
            "Version in quotes that the thing must still have.",
        ));
    }
    found
}

fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"}})
}

/// Whether a query string can hold the field.
fn is_plain(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.Timestamp",
        _ => true,
    }
}

fn request_body(route: &Route, schemas: &mut Schemas<'_>) -> Option<Value> {
    let schema = match route.input.body() {
        Body::Ignored => return None,
        Body::Field(field) => schemas.field(field, false),
        Body::Whole => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for field in route.input.query_fields() {
                if is_required(&field) {
                    required.push(field.name().to_owned());
                }
                let nullable = field.supports_presence();
                properties.insert(field.name().to_owned(), schemas.field(&field, nullable));
            }
            let mut schema = json!({"type": "object", "properties": properties});
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            schema
        }
    };
    let required = schema.get("required").is_some();
    Some(json!({"required": required, "content": {"application/json": {"schema": schema}}}))
}

/// A text that cannot be left out has to be given.
fn is_required(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String
        && field.cardinality() != Cardinality::Repeated
        && !field.supports_presence()
}

fn responses(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let output = route.rpc.output();
    let selected = route
        .response_body
        .as_deref()
        .and_then(|name| output.get_field_by_name(name));
    let schema = match &selected {
        Some(field) => schemas.field(field, false),
        None => schemas.message(&output),
    };
    let mut responses = Map::new();
    let kind = if route.rpc.is_server_streaming() {
        "text/event-stream"
    } else {
        "application/json"
    };
    responses.insert(
        "200".into(),
        json!({"description": "Done.", "content": {kind: {"schema": schema}}}),
    );
    if route.method == Method::GET && !route.rpc.is_server_streaming() {
        responses.insert(
            "304".into(),
            json!({"description": "The caller's copy still holds."}),
        );
    }
    for status in ["401", "403", "404", "409", "422", "429", "default"] {
        responses.insert(
            status.into(),
            json!({"$ref": "#/components/responses/Problem"}),
        );
    }
    Value::Object(responses)
}
