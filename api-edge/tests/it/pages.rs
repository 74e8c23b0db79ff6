use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{problem, start};

#[tokio::test]
async fn health_needs_no_credential() {
    let edge = start().await;
    for path in ["/health", "/healthz", "/readyz"] {
        let response = edge.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.json::<Value>().await.unwrap()["ok"], json!(true));
    }
    edge.running
        .readiness()
        .add("peer.x", || Box::pin(async { anyhow::bail!("away") }));
    let response = edge.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = response.json().await.unwrap();
    assert_eq!(
        report,
        json!({"ok": false, "components": {"peer.x": "failed"}})
    );
}

#[tokio::test]
async fn the_contract_can_be_read_and_browsed_offline() {
    let edge = start().await;
    let response = edge
        .request(Method::GET, "/openapi.json")
        .send()
        .await
        .unwrap();
    let etag = response.headers()["etag"].clone();
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/tasks"]["post"]["requestBody"].is_object());
    let again = edge
        .request(Method::GET, "/openapi.json")
        .header("if-none-match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

    let packed = edge
        .request(Method::GET, "/openapi.json")
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");

    let page = edge.request(Method::GET, "/docs").send().await.unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    let page = page.text().await.unwrap();
    for file in page.split('"').filter(|part| part.starts_with("/docs/")) {
        let response = edge.request(Method::GET, file).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{file}");
    }
    let initializer = edge
        .request(Method::GET, "/docs/swagger-initializer.js")
        .send()
        .await
        .unwrap();
    assert!(initializer.text().await.unwrap().contains("/openapi.json"));
    let (status, ..) = problem(
        edge.request(Method::GET, "/docs/nope.js")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_browser_gets_the_application_under_every_page() {
    let edge = start().await;
    for path in ["/", "/boards/123", "/sign-in"] {
        let response = edge
            .request(Method::GET, path)
            .header("accept", "text/html,*/*")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        assert!(
            response.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("script-src 'self'")
        );
        assert!(response.text().await.unwrap().contains("Mission Control"));
    }
    for (path, accept) in [
        ("/boards/123", "application/json"),
        ("/missing.js", "text/html"),
        ("/api/v1/x", "text/html"),
    ] {
        let request = edge.request(Method::GET, path).header("accept", accept);
        assert_eq!(
            problem(request.send().await.unwrap()).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
