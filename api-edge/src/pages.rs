//! What is not an RPC: the routes written by hand, all of them in [`routes`].

mod catalogue;
mod docs;
mod document;
mod health;
mod web;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};

use crate::{App, front::Client, grpc, openapi, problem::Problem, rest, route::Match};

pub(crate) use catalogue::Catalogue;
pub(crate) use document::Document;

/// Every route that no RPC stands behind.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        // Alive: the process answers.
        .route("/health", get(health::alive))
        // Well: the database answers.
        .route("/healthz", get(health::database))
        // Ready: everything that a request may need answers; 503 with a component map when not.
        .route("/readyz", get(health::ready))
        // The contract, generated from the descriptors, and a page to browse it.
        .route("/openapi.json", get(docs::openapi))
        // The part of it that agents may call, small enough for them.
        .route(openapi::CATALOGUE, get(catalogue::list))
        .route(openapi::CATALOGUE_OPERATION, get(catalogue::one))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed("GET, HEAD") })
        // REST and SSE by the routing table, gRPC and grpc-web by content type, else the web application.
        .fallback(dispatch)
        .with_state(app)
}

async fn dispatch(State(app): State<App>, request: Request) -> Response {
    let client = request
        .extensions()
        .get::<Client>()
        .copied()
        .unwrap_or(Client([0, 0, 0, 0].into()));
    let edge = Arc::clone(&app.edge);
    if grpc::speaks(request.headers()) {
        return grpc::serve(edge, app.own_grpc, client, request).await;
    }
    if let Some(location) = without_slash(&app, &request) {
        return (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response();
    }
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return rest::serve(edge, client, request).await;
    }
    web::serve(&request)
}

/// Where a path that is known without its trailing slash is found.
fn without_slash(app: &App, request: &Request) -> Option<HeaderValue> {
    let path = request.uri().path().strip_suffix('/')?;
    let pages = ["/health", "/healthz", "/readyz", "/openapi.json", "/docs"];
    let page = pages.contains(&path) || path == openapi::CATALOGUE;
    if !page && matches!(app.edge.table.find(request.method(), path), Match::Unknown) {
        return None;
    }
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    HeaderValue::try_from(format!("{path}{query}")).ok()
}
