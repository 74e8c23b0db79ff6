use reqwest::{Method, StatusCode};

use crate::support::{self, BOARD, TASK, problem, start};

#[tokio::test]
async fn an_unknown_path_is_404_and_a_known_one_under_another_method_405() {
    let edge = start().await;
    let (status, code, _) = problem(
        edge.request(Method::GET, "/api/v1/nope")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, &*code), (StatusCode::NOT_FOUND, "not_found"));

    let response = edge
        .request(Method::PUT, "/api/v1/tasks")
        .send()
        .await
        .unwrap();
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    let (status, code, _) = problem(response).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
    assert_eq!(allow, "GET, POST, HEAD");

    let (status, ..) = problem(edge.request(Method::POST, "/health").send().await.unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_trailing_slash_is_redirected_to_this_server_only() {
    let edge = start().await;
    let response = edge
        .request(Method::POST, "/api/v1/tasks/?a=b")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers()["location"], "/api/v1/tasks?a=b");

    let response = edge
        .request(Method::GET, "//evil.example/")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let response = edge
        .request(Method::GET, "//api/v1/tasks/")
        .send()
        .await
        .unwrap();
    assert!(!response.status().is_redirection(), "{response:?}");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let edge = start().await;
    let response = edge
        .owner(Method::HEAD, &format!("/api/v1/tasks/{TASK}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn path_and_query_reach_the_service() {
    let edge = start().await;
    let path = format!(
        "/api/v1/agent/boards/{BOARD}/tasks?status=inbox,review&status=done&unassigned=true&limit=5&nope=1"
    );
    let response = edge
        .request(Method::GET, &path)
        .bearer_auth(support::WORKER)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let request = edge.behind.listed.lock().unwrap().take().unwrap();
    assert_eq!(request.board_id.as_deref(), Some(BOARD));
    assert_eq!(request.status, [1, 3, 4]);
    assert_eq!(
        (request.unassigned, request.limit, request.offset),
        (Some(true), Some(5), None)
    );
}

#[tokio::test]
async fn what_only_the_mesh_may_call_is_not_there() {
    let edge = start().await;
    for path in [
        "/mission.org.v1.IdentityService/Authenticate",
        "/mission.gateway.v1.ConnectorService/Probe",
    ] {
        let (status, ..) = problem(
            edge.owner(Method::POST, path)
                .body("{}")
                .send()
                .await
                .unwrap(),
        )
        .await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
