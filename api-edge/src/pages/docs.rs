//! The contract to read: OpenAPI, and Swagger UI over it, all from here.

use std::sync::{Arc, LazyLock};

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use utoipa_swagger_ui::Config;

use super::Document;
use crate::{App, problem::Problem};

/// Swagger UI styles its elements inline and draws its icons from `data:` URLs; it still loads nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Mission Control API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/swagger-initializer.js"></script>
</body>
</html>
"#;

static INDEX: LazyLock<Document> =
    LazyLock::new(|| Document::new("text/html; charset=utf-8", PAGE));
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/openapi.json"])
        .deep_linking(true)
        .display_request_duration(true)
        .show_extensions(true);
    Arc::new(config.persist_authorization(true).validator_url("none"))
});

pub(super) async fn openapi(State(app): State<App>, headers: HeaderMap) -> Response {
    app.edge.openapi.answer(&headers)
}

pub(super) async fn page(headers: HeaderMap) -> Response {
    with_policy(INDEX.answer(&headers))
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&name, Arc::clone(&CONFIG)) else {
        return Problem::not_found().into_response();
    };
    let mut response = Response::new(Body::from(file.bytes.into_owned()));
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(file.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    with_policy(response)
}

fn with_policy(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
