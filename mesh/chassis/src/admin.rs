//! The operator's port: health, readiness and Prometheus metrics.

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ready::{Readiness, Report};

/// Serves the admin routes until told to stop.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let app = routes(readiness).merge(Router::new().route(
        "/metrics",
        get(move || {
            let body = metrics.render();
            async move { ([("content-type", "text/plain; version=0.0.4")], body) }
        }),
    ));
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await?;
    Ok(())
}

/// `/health` (alive), `/healthz` (database), `/readyz` (everything this process needs).
pub fn routes(readiness: Readiness) -> Router {
    Router::new()
        .route(
            "/health",
            get(|| async { Json(serde_json::json!({"ok": true})) }),
        )
        .route(
            "/healthz",
            get(|State(r): State<Readiness>| async move { answer(r.report_of("database").await) }),
        )
        .route(
            "/readyz",
            get(|State(r): State<Readiness>| async move { answer(r.report().await) }),
        )
        .with_state(readiness)
}

fn answer(report: Report) -> impl IntoResponse {
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}
