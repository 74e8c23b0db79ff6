//! The journey, step by step.

mod crew;
mod refused;
mod task;
pub(crate) mod team;
mod told;

use reqwest::Method;
use serde_json::{Value, json};

use self::{
    refused::{bad_input, other_tenants_see_nothing},
    task::{assign, claim_exactly_once, close_with_approval, work},
    team::{check_in, create_gateway, create_team, sign_in, until_placed},
    told::{feed_is_in_order, hooks_arrived, request_is_known, resume, subscribe},
};
use crate::{
    grpc,
    rest::{Rest, text},
    watch::{Node, Sse},
    world::{Shape, World, eventually},
};

pub(crate) async fn journey(shape: Shape) {
    let world = World::start(shape).await;
    let user = Rest::user(&world.url, &world.token);

    sign_in(&world, &user).await;
    let gateway = create_gateway(&world, &user).await;
    let team = create_team(&world, &user, &gateway).await;

    let sse = Sse::open(&world.url, &world.token, &team.board, None).await;
    let node = Node::open(&world.url, &world.token, &team.board).await;
    let receiver = subscribe(&user, &team.board).await;

    let task = assign(&world, &user, &team).await;
    request_is_known(&world, &team, &sse).await;
    claim_exactly_once(&user, &team).await;
    work(&team, &task).await;
    close_with_approval(&user, &team, &task).await;
    sse.wait_for("task.status_changed", 4).await;
    node.wait_for("task.status_changed", 4).await;

    hooks_arrived(&user, &team, &receiver).await;
    let resumed = resume(&world, &user, &team, sse).await;
    feed_is_in_order(&user, &team, resumed, &node).await;
    figures(&world, &user).await;
    crew::journey(&world, &user, &team, &gateway).await;
    bad_input(&world, &user, &team).await;
    other_tenants_see_nothing(&user, &team, &task).await;
    world.stop().await;
}

/// 9. Figures, health, documents, metrics; native gRPC and reflection.
async fn figures(world: &World, user: &Rest) {
    eventually("the metrics count the closed task", || async {
        (user.get("/api/v1/metrics").await["tasks"]["done"] == 1).then_some(())
    })
    .await;
    let dashboard = user.get("/api/v1/metrics/dashboard?range_key=24h").await;
    assert_eq!(
        items(&dashboard["throughput"]["primary"]["points"]).len(),
        25
    );
    user.refused(
        Method::GET,
        "/api/v1/metrics/dashboard?range_key=2h",
        None,
        422,
        "invalid_request",
    )
    .await;
    for path in ["/health", "/healthz", "/readyz"] {
        assert_eq!(user.get(path).await["ok"], true, "{path}");
    }
    assert_eq!(text(&user.get("/openapi.json").await, "openapi"), "3.1.0");
    let (status, page) = user.call(Method::GET, "/docs/", None).await;
    assert!(
        status == 200 && page.as_str().is_some_and(|page| page.contains("swagger")),
        "{status} {page}"
    );
    let services = grpc::services(&world.url).await;
    assert!(
        services
            .iter()
            .any(|name| name == "mission.board.v1.TaskService"),
        "{services:?}"
    );
    let boards = user.get("/api/v1/boards").await;
    let board = text(&boards["items"][0], "id").to_owned();
    assert_eq!(
        json!(grpc::count_tasks(&world.url, &world.token, &board).await),
        user.get(&format!("/api/v1/boards/{board}/tasks")).await["total"],
    );
}

fn items(list: &Value) -> &Vec<Value> {
    list.get("items")
        .unwrap_or(list)
        .as_array()
        .expect("a list")
}

/// The process dies in the middle of provisioning; started again it finishes the job, and nothing is done twice.
pub(crate) async fn killed_and_restarted(shape: Shape) {
    let mut world = World::start(shape).await;
    let user = Rest::user(&world.url, &world.token);
    let gateway = create_gateway(&world, &user).await;
    let board = user
        .post(
            "/api/v1/boards",
            json!({"name": "Launch", "description": "Ship it.", "gateway_id": gateway, "board_type": "general"}),
        )
        .await;
    world
        .gateway
        .delay(Some(std::time::Duration::from_millis(300)));
    let agent = user
        .post(
            "/api/v1/agents",
            json!({"board_id": board["id"], "name": "Walt"}),
        )
        .await;
    let id = text(&agent, "id").to_owned();
    let key = format!("mc-{id}");
    eventually("files are being written", || async {
        (!world.gateway.files(&key).is_empty() || world.gateway.agent(&key).is_some()).then_some(())
    })
    .await;
    world.kill().await;
    world.gateway.delay(None);
    world.run().await;

    until_placed(&user, &id).await;
    let found = world
        .gateway
        .agents()
        .into_iter()
        .filter(|agent| agent.id == key)
        .count();
    assert_eq!(found, 1, "the agent exists once");
    let session = format!("agent:{key}:main");
    let greetings = world
        .gateway
        .messages()
        .into_iter()
        .filter(|m| m.session_key == session)
        .count();
    assert_eq!(greetings, 1, "the agent was woken once");
    check_in(&world, &user, &key, &id).await;
    world.stop().await;
}
