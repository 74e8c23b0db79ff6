use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{BOARD, Edge, TASK, problem, start, start_with};

/// The status, the code, and the fields with their reasons.
async fn refusal(
    edge: &Edge,
    method: Method,
    path: &str,
    body: &str,
) -> (u16, String, Vec<(String, String)>) {
    let request = edge
        .owner(method, path)
        .header("content-type", "application/json")
        .body(body.to_owned());
    let (status, code, problem) = problem(request.send().await.unwrap()).await;
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let fields = errors
        .iter()
        .map(|error| (text(error, "field"), text(error, "reason")))
        .collect();
    (status.as_u16(), code, fields)
}

#[tokio::test]
async fn each_wrong_field_is_named_with_its_reason() {
    let edge = start().await;
    let create = format!("/api/v1/boards/{BOARD}/tasks");
    for (body, field, reason) in [
        (r#"{"title": 5}"#, "title", "wrong_type"),
        (r#"{"title": ["x"]}"#, "title", "wrong_type"),
        (r#"{"title": "a\u0000b"}"#, "title", "nul_byte"),
        (
            r#"{"title": "T", "status": "nope"}"#,
            "status",
            "unknown_word",
        ),
        (
            r#"{"title": "T", "status": "IN_PROGRESS"}"#,
            "status",
            "unknown_word",
        ),
        (
            r#"{"title": "T", "status": "unspecified"}"#,
            "status",
            "unknown_word",
        ),
        (r#"{"title": "T", "status": 2}"#, "status", "wrong_type"),
        (
            r#"{"title": "T", "due_at": "tomorrow"}"#,
            "due_at",
            "bad_timestamp",
        ),
        (
            r#"{"title": "T", "due_at": 1795335118}"#,
            "due_at",
            "bad_timestamp",
        ),
        (
            r#"{"title": "T", "depends_on_task_ids": "a"}"#,
            "depends_on_task_ids",
            "wrong_type",
        ),
        (
            r#"{"title": "T", "depends_on_task_ids": ["a", 2]}"#,
            "depends_on_task_ids[1]",
            "wrong_type",
        ),
        (
            r#"{"title": "T", "depends_on_task_ids": [null]}"#,
            "depends_on_task_ids[0]",
            "wrong_type",
        ),
    ] {
        let expected = (
            422,
            "invalid_request".to_owned(),
            vec![(field.to_owned(), reason.to_owned())],
        );
        assert_eq!(
            refusal(&edge, Method::POST, &create, body).await,
            expected,
            "{body}"
        );
    }
    assert!(
        edge.behind.created.lock().unwrap().is_none(),
        "nothing half done"
    );
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let edge = start().await;
    let body = r#"{"title": 5, "status": "nope", "due_at": "x"}"#;
    let (_, _, fields) = refusal(&edge, Method::POST, "/api/v1/tasks?board_id=b", body).await;
    assert_eq!(fields.len(), 3, "{fields:?}");
}

#[tokio::test]
async fn a_query_is_judged_like_a_body() {
    let edge = start().await;
    for (query, field, reason) in [
        ("limit=x", "limit", "wrong_type"),
        ("limit=", "limit", "wrong_type"),
        ("limit=99999999999", "limit", "out_of_range"),
        ("limit=99999999999999999999999", "limit", "out_of_range"),
        ("limit=1.5", "limit", "wrong_type"),
        ("limit=1&limit=2", "limit", "repeated"),
        ("status=inbox,nope", "status[1]", "unknown_word"),
        ("unassigned=maybe", "unassigned", "wrong_type"),
        ("board_id=%00", "board_id", "nul_byte"),
    ] {
        let expected = (
            422,
            "invalid_request".to_owned(),
            vec![(field.to_owned(), reason.to_owned())],
        );
        assert_eq!(
            refusal(&edge, Method::GET, &format!("/api/v1/tasks?{query}"), "").await,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let edge = start().await;
    for body in [
        "{",
        "nope",
        "{\"title\": }",
        "{} {}",
        "{\"a\": 1e999}",
        "\u{feff}{}",
    ] {
        let (status, code, _) = refusal(&edge, Method::POST, "/api/v1/tasks", body).await;
        assert_eq!((status, &*code), (422, "malformed_json"), "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        refusal(&edge, Method::POST, "/api/v1/tasks", &deep).await.1,
        "malformed_json"
    );
    for body in ["[]", "null", "\"{}\"", "3"] {
        let (status, code, _) = refusal(&edge, Method::POST, "/api/v1/tasks", body).await;
        assert_eq!((status, &*code), (422, "invalid_request"), "{body}");
    }
}

#[tokio::test]
async fn plain_json_may_be_nested_as_deep_as_the_mesh_can_carry() {
    let edge = start().await;
    let create = format!("/api/v1/boards/{BOARD}/approvals");
    let nested = |depth: usize| {
        format!(
            "{{\"payload\": {}{}}}",
            "{\"a\":".repeat(depth) + "1",
            "}".repeat(depth)
        )
    };
    let (status, _, fields) = refusal(&edge, Method::POST, &create, &nested(26)).await;
    assert_eq!((status, &*fields[0].1), (422, "too_deep"));
    // Nothing stands behind approvals here: what is well-formed is 503.
    assert_eq!(
        refusal(&edge, Method::POST, &create, &nested(25)).await.0,
        503
    );
    assert_eq!(
        refusal(
            &edge,
            Method::POST,
            &create,
            r#"{"payload": {"a\u0000": 1}}"#
        )
        .await
        .2[0]
            .1,
        "nul_byte"
    );
}

#[tokio::test]
async fn only_json_is_taken() {
    let edge = start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let request = edge
            .owner(Method::POST, "/api/v1/tasks")
            .header("content-type", kind)
            .body("{}");
        let (status, code, _) = problem(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &*code),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_body_has_a_size() {
    let edge = start_with(&["--http-max-body-bytes=2048"]).await;
    let body = json!({"title": "x".repeat(3_000)}).to_string();
    let (status, code, _) = refusal(&edge, Method::POST, "/api/v1/tasks", &body).await;
    assert_eq!((status, &*code), (413, "body_too_large"));
    let (status, ..) = refusal(
        &edge,
        Method::POST,
        "/api/v1/tasks",
        &"x".repeat(20_000_000),
    )
    .await;
    assert_eq!(status, 413);
    let chunks = futures::stream::iter((0..3).map(|_| Ok::<_, std::io::Error>("x".repeat(1_500))));
    let request = edge
        .owner(Method::POST, "/api/v1/tasks")
        .body(reqwest::Body::wrap_stream(chunks));
    let (status, ..) = problem(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn authentication_goes_before_the_body() {
    let edge = start().await;
    for body in ["{", "x"] {
        let request = edge
            .request(Method::POST, "/api/v1/tasks")
            .header("content-type", "text/plain")
            .body(body);
        let (status, code, _) = problem(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &*code),
            (StatusCode::UNAUTHORIZED, "unauthenticated")
        );
    }
}

#[tokio::test]
async fn a_services_refusal_keeps_its_code_fields_and_facts() {
    let edge = start().await;
    let (status, code, fields) = refusal(&edge, Method::GET, "/api/v1/tasks/not-an-id", "").await;
    assert_eq!(
        (status, &*code, &*fields[0].0),
        (422, "invalid_request", "task_id")
    );
    let unknown = format!("/api/v1/tasks/{BOARD}");
    assert_eq!(
        refusal(&edge, Method::GET, &unknown, "").await.1,
        "task_not_found"
    );

    let done = edge
        .owner(Method::PATCH, &format!("/api/v1/tasks/{TASK}"))
        .json(&json!({"status": "done"}));
    let (status, code, body) = problem(done.send().await.unwrap()).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::CONFLICT, "task_blocked_cannot_transition")
    );
    assert_eq!(body["blocked_by_task_ids"], json!(["x"]));
}

#[tokio::test]
async fn a_services_own_fault_tells_nothing() {
    let edge = start().await;
    let (status, code, body) = problem(edge.get("/api/v1/tasks/broken").await).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal")
    );
    assert!(!body.to_string().contains("secret"), "{body}");
    let (status, code, _) = problem(edge.get("/api/v1/tasks/panic").await).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal")
    );
}
