//! One route as an OpenAPI operation.

use std::collections::{BTreeMap, HashSet};

use http::Method;
use prost_reflect::{FieldDescriptor, Kind};
use proto::access::Actor;
use serde_json::{Map, Value, json};

use super::{
    agents::{self, Audience, ROLES},
    comments::{Comments, sentence},
    schema::{self, Schemas, Side},
    status,
};
use crate::{
    rest,
    route::{Route, Table},
    transcode::Body,
};

/// Operations described so far.
pub(super) struct Operations<'a> {
    comments: &'a Comments,
    audience: Audience,
    names: HashSet<String>,
    tags: BTreeMap<String, String>,
}

impl<'a> Operations<'a> {
    pub(super) fn new(comments: &'a Comments, table: &Table) -> Self {
        let routes = table.routes();
        let manuals = routes.iter().filter_map(|route| route.rpc.manual.as_ref());
        Self {
            comments,
            audience: Audience::of(table),
            // The names of the manuals are taken: whatever else would be called so is called otherwise.
            names: manuals.map(|manual| manual.operation_id.clone()).collect(),
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
        let manual = self.audience.manual(route);
        let problem = if manual.is_some() {
            "AgentProblem"
        } else {
            "Problem"
        };
        let mut operation = json!({
            "operationId": self.name(route),
            "summary": sentence(comment),
            "description": comment,
            "tags": self.tag(route),
            "security": security(&route.rpc.allow),
            "x-required-actor": required_actor(&route.rpc.allow),
            "parameters": parameters(route, schemas),
            "responses": responses(route, self.comments, schemas, problem),
        });
        if let Some(body) = request_body(route, schemas) {
            operation["requestBody"] = body;
        }
        if let (Some(manual), Some(members)) = (manual, operation.as_object_mut()) {
            members.extend(agents::members(manual));
        }
        operation
    }

    /// The name in the manual where agents know the RPC by this route; else `list_tasks`, with a number where another route
    /// means the same.
    fn name(&mut self, route: &Route) -> String {
        if let Some(manual) = self.audience.manual(route)
            && self.audience.is_foremost(route)
        {
            return manual.operation_id.clone();
        }
        let base = spaced(route.rpc.descriptor.name())
            .to_ascii_lowercase()
            .replace(' ', "_");
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
        let own = match spaced(&own).to_ascii_lowercase() {
            // What is about agents is not what is for them.
            own if own == agents::TAG.0 => format!("{own}s"),
            own => own,
        };
        self.tags
            .entry(own.clone())
            .or_insert_with(|| self.comments.service(service).to_owned());
        let mut tags = vec![own];
        if self.audience.manual(route).is_some() {
            let admits = |role: &agents::Role| route.rpc.allow.contains(&role.actor);
            let roles = ROLES.into_iter().filter(admits);
            let roles = roles.map(|role| (role.tag, role.text));
            for (tag, text) in [agents::TAG].into_iter().chain(roles) {
                self.tags
                    .entry(tag.to_owned())
                    .or_insert_with(|| text.to_owned());
                if !tags.iter().any(|known| known == tag) {
                    tags.push(tag.to_owned());
                }
            }
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
    let people = [Actor::User, Actor::OrgAdmin];
    let mut ways = Vec::new();
    if allow.iter().any(|actor| people.contains(actor)) {
        ways.push(json!({"bearer": []}));
    }
    if allow.iter().any(|actor| agents.contains(actor)) {
        ways.push(json!({"agent_bearer": []}));
        ways.push(json!({"agent_token": []}));
    }
    json!(ways)
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
        found.push(json!({"name": field.name(), "in": "path", "required": true, "schema": schemas.request(field, None)}));
    }
    if *route.input.body() == Body::Ignored {
        for field in route.input.query_fields().filter(is_plain) {
            found.push(json!({"name": field.name(), "in": "query", "required": false, "schema": schemas.request(&field, None)}));
        }
    }
    let text = json!({"type": "string"});
    if route.method == Method::GET && !route.rpc.is_server_streaming() {
        found.push(header(
            "If-None-Match",
            "Tag of the copy that the caller has; 304 when it still holds.",
            &text,
        ));
    }
    if route.is_live() && route.input.has(rest::AFTER_SEQUENCE) {
        found.push(header(
            "Last-Event-ID",
            "Id of the last event that was seen; the stream goes on after it.",
            &json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX}),
        ));
    }
    if changes_a_version(route) {
        found.push(header(
            "If-Match",
            "The `ETag` that the thing must still have; 409 `version_conflict` when it changed since.",
            &json!({"type": "string", "pattern": "^\"[0-9]{1,18}\"$"}),
        ));
    }
    found
}

fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
}

/// Whether what the route changes counts its changes and takes the count it must still have.
fn changes_a_version(route: &Route) -> bool {
    let thing = || match selected(route)?.kind() {
        Kind::Message(thing) => thing.get_field_by_name("version"),
        _ => None,
    };
    let changes = matches!(route.method, Method::PATCH | Method::PUT);
    route.input.has(rest::EXPECTED_VERSION) || (changes && thing().is_some())
}

/// What [`rest::SAID_BESIDE`] says of a page.
const PAGE_HEADERS: [(&str, &str); 3] = [
    (
        "X-Total-Count",
        "With a `limit`: how many there are in all.",
    ),
    ("X-Limit", "The `limit`, when there is one."),
    ("X-Offset", "With a `limit`: how many are left out before."),
];

/// Whether the answer is a list of a part of what there is, and nothing else: what surrounds a page is in headers then.
fn is_page_without_frame(route: &Route) -> bool {
    selected(route).is_some_and(|field| field.is_list())
        && route.rpc.output().get_field_by_name("total").is_some()
}

/// The field that is the answer, when it is not the whole message.
fn selected(route: &Route) -> Option<FieldDescriptor> {
    let name = route.response_body.as_deref()?;
    route.rpc.output().get_field_by_name(name)
}

/// Whether a query string can hold the field.
fn is_plain(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.Timestamp",
        _ => true,
    }
}

fn request_body(route: &Route, schemas: &mut Schemas<'_>) -> Option<Value> {
    let mut schema = match route.input.body() {
        Body::Ignored => return None,
        Body::Field(field) => schemas.request(field, None),
        Body::Whole => {
            let thing =
                schema::thing(route.input.message()).or_else(|| match selected(route)?.kind() {
                    Kind::Message(thing) => Some(thing),
                    _ => None,
                });
            schemas.object(route.input.query_fields(), thing.as_ref())
        }
    };
    if *route.input.body() == Body::Whole
        && let Some(intent) = proto::access::intent(route.input.message())
    {
        schema["x-llm-intent"] = json!(intent);
    }
    let required = schema.get("required").is_some();
    Some(json!({"required": required, "content": {"application/json": {"schema": schema}}}))
}

fn responses(
    route: &Route,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
    problem: &str,
) -> Value {
    let mut done = json!({"description": "Done.", "content": content(route, comments, schemas)});
    let mut headers = Map::new();
    if changes_a_version(route) || (route.method == Method::GET && !route.rpc.is_server_streaming())
    {
        let tag = json!({"description": "Tag of what is answered, where it has one.", "schema": {"type": "string"}});
        headers.insert("ETag".into(), tag);
    }
    if is_page_without_frame(route) {
        headers.extend(PAGE_HEADERS.map(|(name, text)| {
            let schema = json!({"type": "integer", "minimum": 0});
            (
                name.to_owned(),
                json!({"description": text, "schema": schema}),
            )
        }));
    }
    if !headers.is_empty() {
        done["headers"] = Value::Object(headers);
    }
    let mut responses = Map::from_iter([("200".to_owned(), done)]);
    if route.method == Method::GET && !route.rpc.is_server_streaming() {
        responses.insert(
            "304".into(),
            json!({"description": "The caller's copy still holds."}),
        );
    }
    for status in status::failures(route, comments) {
        responses.insert(
            status.to_string(),
            json!({"$ref": format!("#/components/responses/{problem}")}),
        );
    }
    Value::Object(responses)
}

/// What is answered, by media type.
fn content(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    if route.rpc.answers_bytes() {
        let kinds = media_types(comments.method(&route.rpc.descriptor));
        let of = |kind: &str| (kind.to_owned(), json!({"schema": {"type": "string"}}));
        return Value::Object(kinds.into_iter().map(of).collect());
    }
    let schema = match selected(route) {
        Some(field) => schemas.answer_itself(&field),
        None => schemas.message(&route.rpc.output(), Side::Answer),
    };
    let kind = if route.is_live() {
        "text/event-stream"
    } else {
        "application/json"
    };
    json!({kind: {"schema": schema}})
}

/// The media types that a comment names: `` `text/csv` ``.
fn media_types(comment: &str) -> Vec<&str> {
    let quoted = comment.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| {
            word.split_once('/').is_some_and(|(kind, name)| {
                ["application", "text"].contains(&kind)
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-+.".contains(c))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn media_types_are_what_comments_quote() {
        let comment = "As JSON lines (`application/x-ndjson`) or CSV (`text/csv`, RFC 4180), see `a/b` and `text`.";
        assert_eq!(
            super::media_types(comment),
            ["application/x-ndjson", "text/csv"]
        );
    }
}
