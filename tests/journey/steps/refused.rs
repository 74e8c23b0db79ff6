//! What is refused, and what does not exist for whom.

use reqwest::Method;
use serde_json::{Value, json};

use super::team::Team;
use crate::{
    rest::Rest,
    world::{World, eventually},
};

/// Wrong requests: a 4xx with a code and the field, never a 500, nothing half done.
pub(super) async fn bad_input(world: &World, user: &Rest, team: &Team) {
    let tasks = format!("/api/v1/boards/{}/tasks", team.board);
    let before = user.get(&tasks).await["total"].clone();
    let nowhere = "00000000-0000-4000-8000-000000000000";
    let field = |problem: &Value| problem["errors"][0]["field"].as_str().map(str::to_owned);
    let invalid = [
        (json!({"title": 7}), "title"),
        (json!({"title": "nul\u{0}byte"}), "title"),
        (json!({"title": "x".repeat(501)}), "title"),
        (json!({"title": ""}), "title"),
        (json!({"title": "t", "priority": "sky-high"}), "priority"),
        (json!({"title": "t", "due_at": "tomorrow"}), "due_at"),
        (
            json!({"title": "t", "depends_on_task_ids": ["nope"]}),
            "depends_on_task_ids[0]",
        ),
    ];
    for (body, wrong) in invalid {
        let problem = user
            .refused(Method::POST, &tasks, Some(body), 422, "invalid_request")
            .await;
        assert_eq!(field(&problem).as_deref(), Some(wrong), "{problem:#}");
    }
    user.refused(
        Method::GET,
        "/api/v1/boards/not-a-uuid",
        None,
        422,
        "invalid_request",
    )
    .await;
    user.refused(
        Method::GET,
        &format!("/api/v1/boards/{nowhere}"),
        None,
        404,
        "board_not_found",
    )
    .await;
    user.refused(
        Method::GET,
        &format!("/api/v1/tasks/{nowhere}"),
        None,
        404,
        "task_not_found",
    )
    .await;
    user.refused(Method::GET, "/api/v1/nothing", None, 404, "not_found")
        .await;
    user.refused(
        Method::PUT,
        &tasks,
        Some(json!({})),
        405,
        "method_not_allowed",
    )
    .await;

    let raw = |content_type: &str, body: &str| {
        reqwest::Client::new()
            .post(format!("{}{tasks}", world.url))
            .bearer_auth(&world.token)
            .header("content-type", content_type)
            .body(body.to_owned())
            .send()
    };
    assert_eq!(
        raw("application/json", "{\"title\":")
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(raw("text/plain", "title").await.unwrap().status(), 415);
    assert_eq!(
        raw("application/json", &format!("\"{}\"", "x".repeat(2 << 20)))
            .await
            .unwrap()
            .status(),
        413
    );
    let ambiguous = reqwest::Client::new()
        .get(format!("{}/api/v1/agent/healthz", world.url))
        .bearer_auth(&world.token)
        .header("x-agent-token", "mca_0_0")
        .send()
        .await
        .unwrap();
    assert_eq!(ambiguous.status(), 400);
    assert_eq!(
        user.get(&tasks).await["total"],
        before,
        "nothing was half done"
    );
}

/// In another organization of the same person, everything of the first one does not exist.
pub(super) async fn other_tenants_see_nothing(user: &Rest, team: &Team, task: &str) {
    let home = user.get("/api/v1/organizations/me").await;
    user.post("/api/v1/organizations", json!({"name": "Elsewhere"}))
        .await;
    let not_found = async |path: String| {
        eventually(&format!("{path} is not visible from elsewhere"), || async {
            (user.call(Method::GET, &path, None).await.0 == 404).then_some(())
        })
        .await;
    };
    not_found(format!("/api/v1/boards/{}", team.board)).await;
    not_found(format!("/api/v1/tasks/{task}")).await;
    not_found(format!("/api/v1/boards/{}/tasks", team.board)).await;
    not_found(format!("/api/v1/boards/{}/approvals", team.board)).await;
    not_found(format!("/api/v1/boards/{}/notices", team.board)).await;
    not_found(format!("/api/v1/agents/{}", team.worker_id)).await;
    assert_eq!(user.get("/api/v1/boards").await["total"], 0);
    assert_eq!(user.get("/api/v1/webhook-endpoints").await["total"], 0);
    not_found(format!("/api/v1/activity?board_id={}", team.board)).await;
    user.patch(
        "/api/v1/organizations/me/active",
        json!({"organization_id": home["id"]}),
    )
    .await;
}
