use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{TASK, start};

#[tokio::test]
async fn a_copy_that_holds_is_not_sent_again() {
    let edge = start().await;
    let first = edge.get("/api/v1/tasks").await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(etag, "\"board-7\"");

    let again = edge
        .owner(Method::GET, "/api/v1/tasks")
        .header("if-none-match", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], etag.as_str());
    assert!(again.headers().contains_key("x-request-id"));
    assert_eq!(again.text().await.unwrap(), "");

    let other = edge
        .owner(Method::GET, "/api/v1/tasks")
        .header("if-none-match", "\"older\"")
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_writer_may_say_which_version_it_knows() {
    let edge = start().await;
    let path = format!("/api/v1/tasks/{TASK}");
    let request = edge
        .owner(Method::PATCH, &path)
        .header("if-match", "\"7\"")
        .json(&json!({"title": "T"}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["etag"],
        "\"8\"",
        "the tag for the next change"
    );
    assert_eq!(
        edge.behind.if_match.lock().unwrap().as_deref(),
        Some("\"7\"")
    );
    let updated = edge.behind.updated.lock().unwrap().take().unwrap();
    assert_eq!(
        updated.expected_version, None,
        "a header is not a field of the body"
    );
    assert_eq!(updated.update_mask.unwrap().paths, ["title"]);
}

#[tokio::test]
async fn what_header_and_body_say_of_the_version_both_arrive() {
    let edge = start().await;
    let path = format!("/api/v1/tasks/{TASK}");
    let send = async |tag: Option<&str>, version: i64| {
        let mut request = edge
            .owner(Method::PATCH, &path)
            .json(&json!({"title": "T", "expected_version": version}));
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        let tag = edge.behind.if_match.lock().unwrap().take();
        let updated = edge.behind.updated.lock().unwrap().take().unwrap();
        (tag, updated.expected_version)
    };
    assert_eq!(
        send(Some("\"7\""), 8).await,
        (Some("\"7\"".to_owned()), Some(8))
    );
    assert_eq!(
        send(Some("seven"), 7).await,
        (Some("seven".to_owned()), Some(7)),
        "the service judges the tag"
    );
    assert_eq!(send(None, 9).await, (None, Some(9)));
}
