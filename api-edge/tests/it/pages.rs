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
async fn an_agent_reads_in_a_few_lines_what_it_may_call() {
    let edge = start().await;
    let path = "/api/v1/agent/catalogue";
    let get = |query: &str| edge.request(Method::GET, &format!("{path}{query}")).send();
    let response = get("?role=worker").await.unwrap();
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    let text = response.text().await.unwrap();
    let claim = "PATCH\t/api/v1/agent/boards/{board_id}/tasks/{task_id}\tagent_update_task\ttask_progress\t";
    assert!(text.contains(claim), "{text}");
    assert!(!text.contains("agent_lead_create_agent"), "{text}");
    let again = edge
        .request(Method::GET, &format!("{path}?role=worker"))
        .header("if-none-match", headers["etag"].clone());
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

    let all: Value = get("?format=json").await.unwrap().json().await.unwrap();
    let items = all["items"].as_array().unwrap();
    assert!(
        items.iter().any(|item| item["roles"] == json!(["main"])),
        "{all}"
    );

    for (query, code) in [
        ("?role=king", "role_unknown"),
        ("?format=xml", "format_unknown"),
    ] {
        let (status, _, body) = problem(get(query).await.unwrap()).await;
        let found = body["errors"][0]["reason"].as_str().unwrap();
        assert_eq!((status, found), (StatusCode::UNPROCESSABLE_ENTITY, code));
    }
    let one: Value = get("/agent_create_comment")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(one["method"], "POST");
    assert_eq!(
        one["operation"]["requestBody"]["content"]["application/json"]["schema"]["required"],
        json!(["message"])
    );
    let (status, code, _) = problem(get("/agent_fly").await.unwrap()).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::NOT_FOUND, "operation_not_found")
    );
    let slash = get("/").await.unwrap();
    assert_eq!(slash.headers()["location"], path);
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
