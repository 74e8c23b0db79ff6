//! OpenAPI 3.1 of the REST routes, generated from the same descriptors that serve them.

mod agents;
mod bounds;
mod catalogue;
mod comments;
mod health;
mod operation;
mod schema;
mod status;

use serde_json::{Map, Value, json};

use crate::route::Table;
pub(crate) use catalogue::{Catalogue, ONE as CATALOGUE_OPERATION, PATH as CATALOGUE};
use comments::Comments;
use schema::Schemas;

/// The document.
pub(crate) fn document(table: &Table) -> Value {
    let comments = Comments::read(proto::pool());
    let mut schemas = Schemas::new(&comments);
    let mut operations = operation::Operations::new(&comments, table);
    let mut paths = Map::new();
    for route in table.routes() {
        let path = paths
            .entry(route.pattern.to_string())
            .or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] =
            operations.describe(&route, &mut schemas);
    }
    paths.extend(health::paths());
    paths.extend(catalogue::paths());
    let mut components = schemas.into_components();
    components.insert("Health".into(), health::schema());
    components.insert("Problem".into(), problem());
    components.insert("LLMErrorResponse".into(), agents::problem());
    components.insert("AgentCatalogue".into(), catalogue::schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mission Control API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Names are snake_case, an unset field is `null`, times are RFC 3339 in UTC. Lists answer \
                `items`, `total`, `limit`, `offset` and `next_page_token`. Errors are `application/problem+json`: \
                people read `detail`, programs `code`. The same operations are served over gRPC and grpc-web on this port.",
        },
        "servers": [{"url": "/"}],
        "tags": health::tagged(operations.tags()),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {"Problem": failure("Problem"), "AgentProblem": failure("LLMErrorResponse")},
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "The credential of a person: the sign-in token, or an API token (`mcp_...`).",
                },
                "agent_bearer": {"type": "http", "scheme": "bearer", "description": "The token of an agent (`mca_...`)."},
                "agent_token": {"type": "apiKey", "in": "header", "name": "X-Agent-Token", "description": "The token of an agent."},
            },
        },
    })
}

fn failure(schema: &str) -> Value {
    json!({
        "description": "The request failed.",
        "headers": {
            "X-Request-Id": {"schema": {"type": "string"}},
            "Retry-After": {
                "description": "Seconds after which trying again makes sense, when that is known.",
                "schema": {"type": "integer", "minimum": 0},
            },
        },
        "content": {"application/problem+json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}},
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A failure (RFC 9457). Facts of the case are further members, such as `blocked_by_task_ids`.",
        "required": ["type", "title", "status", "detail", "code", "request_id", "retryable"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string", "description": "What the status means."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people."},
            "code": {"type": "string", "description": "Stable; for programs."},
            "request_id": {"type": ["string", "null"]},
            "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
            "errors": {
                "type": "array",
                "description": "Fields of the request that are wrong.",
                "items": {
                    "type": "object",
                    "required": ["field", "reason", "message"],
                    "properties": {
                        "field": {"type": "string"}, "reason": {"type": "string"}, "message": {"type": "string"},
                    },
                },
            },
        },
        "additionalProperties": true,
    })
}

#[cfg(test)]
mod tests;
