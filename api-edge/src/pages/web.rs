//! The web application, as it was built into `web/dist`.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::document::{etag, has};
use crate::problem::Problem;

/// The built application; empty when it has not been built.
#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// Where the build puts files whose names change with their content.
const HASHED: &str = "assets/";

/// Everything comes from here; styles are set inline by components that measure themselves.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
     font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; \
     form-action 'self'",
);

const NOT_BUILT: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Mission Control</title></head>
<body>
<h1>Mission Control is running</h1>
<p>This binary was built without the web application. Build it with <code>make web</code> and start again.</p>
<p>The API is complete: <a href="/docs">browse it</a> or read <a href="/openapi.json">openapi.json</a>.</p>
</body>
</html>
"#;

/// Serves a file of the application, or the application itself to a browser that asks for one of its pages.
pub(super) fn serve(request: &Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let asset = if path.is_empty() {
        None
    } else {
        Dist::get(path)
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return match asset {
            Some(_) => Problem::method_not_allowed("GET, HEAD").into_response(),
            None if path.is_empty() => Problem::method_not_allowed("GET, HEAD").into_response(),
            None => Problem::not_found().into_response(),
        };
    }
    if let Some(asset) = asset {
        return file(request, path, asset);
    }
    if !path.is_empty() && !wants_page(request) {
        return Problem::not_found().into_response();
    }
    match Dist::get(INDEX) {
        Some(index) => file(request, INDEX, index),
        None => page(NOT_BUILT.into()),
    }
}

/// Browsers ask for pages by type; files of the application have an extension, pages have none.
fn wants_page(request: &Request) -> bool {
    let last = request.uri().path().rsplit('/').next().unwrap_or_default();
    let accepted = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    accepted.contains("text/html") && !last.contains('.')
}

fn file(request: &Request, path: &str, asset: EmbeddedFile) -> Response {
    let etag = etag(&asset.metadata.sha256_hash());
    if has(request.headers(), &etag) {
        return (http::StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = if path == INDEX {
        page(asset.data.into_owned())
    } else {
        Response::new(Body::from(asset.data))
    };
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(if kind.type_() == "text" {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    }) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let cache = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ETAG, etag);
    response
}

fn page(content: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
