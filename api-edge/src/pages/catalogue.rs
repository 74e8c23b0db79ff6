//! What agents may call, to read in a few lines.

use std::collections::HashMap;

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;

use super::Document;
use crate::{
    App, openapi,
    problem::{Problem, Result},
};

/// The catalogue, as it is served.
pub(crate) struct Catalogue {
    /// By the word of a role, empty for all: lines and JSON.
    lists: HashMap<&'static str, [Document; 2]>,
    operations: HashMap<String, Document>,
}

impl Catalogue {
    pub(crate) fn new(catalogue: openapi::Catalogue) -> Self {
        let json = |value: serde_json::Value| Document::new("application/json", value.to_string());
        Self {
            lists: catalogue
                .lists
                .into_iter()
                .map(|(role, text, value)| {
                    let text = Document::new("text/plain; charset=utf-8", text);
                    (role.unwrap_or_default(), [text, json(value)])
                })
                .collect(),
            operations: catalogue
                .operations
                .into_iter()
                .map(|(name, value)| (name, json(value)))
                .collect(),
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let query = query.unwrap_or_default();
    let (mut role, mut is_json) = (String::new(), false);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("role", word) => word.clone_into(&mut role),
            ("format", "json") => is_json = true,
            ("format", "" | "text") => is_json = false,
            ("format", _) => {
                return Err(refused("format", "FORMAT_UNKNOWN", "is `text` or `json`"));
            }
            _ => {}
        }
    }
    let Some(found) = app.edge.catalogue.lists.get(role.as_str()) else {
        return Err(refused(
            "role",
            "ROLE_UNKNOWN",
            "is `lead`, `worker` or `main`",
        ));
    };
    Ok(found[usize::from(is_json)].answer(&headers))
}

fn refused(field: &'static str, reason: &'static str, message: &str) -> Problem {
    chassis::Fault::invalid(field, reason, message).into()
}

pub(super) async fn one(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match app.edge.catalogue.operations.get(&name) {
        Some(operation) => operation.answer(&headers),
        None => Problem::from(chassis::Fault::not_found(
            "OPERATION_NOT_FOUND",
            "agents have no operation of this name",
        ))
        .into_response(),
    }
}
