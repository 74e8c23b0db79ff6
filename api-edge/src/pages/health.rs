//! Whether this process lives, and whether it can work.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::ready::Report;
use http::StatusCode;

use crate::App;

pub(super) async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({"ok": true}))
}

pub(super) async fn database(State(app): State<App>) -> Response {
    answer(app.edge.readiness.report_of("database").await)
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    answer(app.edge.readiness.report().await)
}

fn answer(report: Report) -> Response {
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(http::header::CACHE_CONTROL, "no-store")],
        Json(report),
    )
        .into_response()
}
