//! The three routes that no RPC stands behind and that probes call.

use serde_json::{Map, Value, json};

/// Path, name, what a good answer means, and whether there is a bad one.
const ROUTES: [(&str, &str, &str, bool); 3] = [
    (
        "/health",
        "get_health",
        "Says that the process answers",
        false,
    ),
    (
        "/healthz",
        "get_healthz",
        "Says whether the database answers",
        true,
    ),
    (
        "/readyz",
        "get_readyz",
        "Says whether everything that a request may need answers",
        true,
    ),
];

pub(super) fn paths() -> Map<String, Value> {
    ROUTES
        .into_iter()
        .map(|(path, name, summary, can_fail)| {
            let answer = |description: &str| {
                json!({
                    "description": description,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}},
                })
            };
            let mut responses = Map::from_iter([("200".to_owned(), answer("Well."))]);
            if can_fail {
                responses.insert("503".into(), answer("Not well: `components` says what is not."));
            }
            let operation = json!({
                "operationId": name, "summary": summary, "description": format!("{summary}."),
                "tags": ["health"], "security": [], "parameters": [], "responses": responses,
            });
            (path.to_owned(), json!({"get": operation}))
        })
        .collect()
}

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["ok"],
        "properties": {
            "ok": {"type": "boolean"},
            "components": {
                "type": "object",
                "description": "What was looked at, by name.",
                "additionalProperties": {"type": "string"},
            },
        },
    })
}

/// The tags, with the one of these routes.
pub(super) fn tagged(mut tags: Value) -> Value {
    if let Some(tags) = tags.as_array_mut() {
        tags.push(
            json!({"name": "health", "description": "Whether the process lives and can work."}),
        );
    }
    tags
}
