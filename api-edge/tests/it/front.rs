use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{self, TASK, problem, start, start_with};

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let edge = start().await;
    let id = |given: &'static str| {
        let request = edge
            .request(Method::GET, "/health")
            .header("x-request-id", given);
        async move {
            request.send().await.unwrap().headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(id("abc.DEF-1_2").await, "abc.DEF-1_2");
    let replaced = id("<script>").await;
    assert!(
        replaced.len() == 32 && replaced.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{replaced}"
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_that_are_on() {
    let edge = start_with(&[
        "--security-header-x-frame-options=",
        "--security-header-permissions-policy=camera=()",
    ])
    .await;
    for path in [
        "/health",
        "/api/v1/nope",
        "/nope",
        "/docs",
        &format!("/api/v1/tasks/{TASK}"),
    ] {
        let response = edge.get(path).await;
        let headers = response.headers();
        assert!(!headers.contains_key("x-frame-options"), "{path}");
        assert_eq!(headers["permissions-policy"], "camera=()", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(
            headers.contains_key("content-security-policy") && headers.contains_key("x-request-id"),
            "{path}"
        );
    }
}

const ORIGIN: &str = "https://app.example";

#[tokio::test]
async fn a_listed_origin_may_call_and_another_may_not() {
    let edge = start_with(&["--cors-origins=https://app.example,http://localhost:3000"]).await;
    let preflight = |origin: &'static str| {
        edge.request(Method::OPTIONS, "/api/v1/tasks")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header(
                "access-control-request-headers",
                "authorization, x-grpc-web",
            )
    };
    let good = preflight(ORIGIN).send().await.unwrap();
    assert_eq!(good.status(), StatusCode::OK);
    assert_eq!(good.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(good.headers()["access-control-allow-credentials"], "true");
    assert_eq!(
        good.headers()["access-control-allow-headers"],
        "authorization, x-grpc-web"
    );
    assert!(
        good.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PATCH")
    );
    assert_eq!(good.headers()["access-control-max-age"], "600");
    assert!(good.headers().contains_key("x-request-id"));

    let bad = preflight("https://evil.example").send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert!(!bad.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn answers_and_errors_can_be_read_from_a_listed_origin() {
    let edge = start_with(&["--cors-origins=https://app.example"]).await;
    for path in [
        "/api/v1/users/me",
        "/api/v1/nope",
        "/api/v1/tasks/panic",
        "/api/v1/tasks/broken",
    ] {
        let response = edge
            .owner(Method::GET, path)
            .header("origin", ORIGIN)
            .send()
            .await
            .unwrap();
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], ORIGIN, "{path}");
        let exposed = headers["access-control-expose-headers"].to_str().unwrap();
        for name in ["x-request-id", "etag", "grpc-status"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(
            headers
                .get_all("vary")
                .iter()
                .any(|value| value == "origin"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn cors_is_off_until_an_origin_is_listed() {
    let edge = start().await;
    let request = edge
        .request(Method::OPTIONS, "/api/v1/tasks")
        .header("origin", ORIGIN);
    let response = request
        .header("access-control-request-method", "GET")
        .send()
        .await
        .unwrap();
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    assert_eq!(problem(response).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn requests_that_have_begun_are_finished_when_the_process_stops() {
    let edge = start().await;
    let request = edge
        .owner(Method::POST, "/api/v1/tasks")
        .json(&serde_json::json!({"title": "slow"}))
        .send();
    let request = tokio::spawn(request);
    while edge
        .behind
        .authentications
        .load(std::sync::atomic::Ordering::SeqCst)
        == 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    edge.running.stop().await.unwrap();
    assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
}

/// Sends the head of a request, its body a little later, and then another request on the same connection; the status
/// lines that come back.
async fn late_body(edge: &support::Edge, head: &str, body: &[u8]) -> Vec<String> {
    let mut socket = tokio::net::TcpStream::connect(edge.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    socket.write_all(body).await.unwrap();
    let next = "GET /health HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n";
    socket.write_all(next.as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    let starts = answers.match_indices("HTTP/1.1 ");
    let lines = starts.filter_map(|(at, _)| answers[at..].lines().next());
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_refused_request_leaves_its_connection_usable() {
    let edge = start().await;
    for (head, status) in [
        ("POST /api/v1/tasks", "401 Unauthorized"),
        ("POST /api/v1/nothing", "404 Not Found"),
        ("PUT /api/v1/tasks", "405 Method Not Allowed"),
    ] {
        let head = format!(
            "{head} HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        assert_eq!(
            late_body(&edge, &head, b"{}").await,
            [format!("HTTP/1.1 {status}"), "HTTP/1.1 200 OK".to_owned()]
        );
    }
}
