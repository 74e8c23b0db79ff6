//! Signing in, the gateway, the board and its team.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    rest::{Rest, text},
    world::{World, eventually},
};

/// A board with its lead and two workers, all of them ready.
pub(super) struct Team {
    pub(super) board: String,
    pub(super) lead: Rest,
    pub(super) worker: Rest,
    pub(super) worker_id: String,
    pub(super) rival: Rest,
    pub(super) rival_id: String,
}

/// 1. The local token signs in; a personal organization is there.
pub(super) async fn sign_in(world: &World, user: &Rest) {
    let me = user.get("/api/v1/users/me").await;
    assert_eq!(me["email"], "admin@home.local");
    assert_eq!(
        user.get("/api/v1/organizations/me").await["name"],
        "Personal"
    );
    assert_eq!(
        user.get("/api/v1/organizations/me/member").await["role"],
        "owner"
    );
    let stranger = Rest::user(&world.url, "not-the-token");
    stranger
        .refused(
            Method::GET,
            "/api/v1/users/me",
            None,
            401,
            "unauthenticated",
        )
        .await;
}

/// 2. A gateway is created and its main agent provisioned.
pub(crate) async fn create_gateway(world: &World, user: &Rest) -> String {
    let gateway = user
        .post(
            "/api/v1/gateways",
            json!({
                "name": "Simulator",
                "url": world.gateway.url(),
                "token": "simulator-token",
                "workspace_root": "/srv/openclaw",
            }),
        )
        .await;
    assert_eq!(
        (&gateway["has_token"], &gateway["token"]),
        (&json!(true), &Value::Null),
        "{gateway:#}"
    );
    let id = text(&gateway, "id").to_owned();
    let main = format!("mc-gateway-{id}");
    eventually("the main agent is ready", || async {
        let agents = user.get("/api/v1/agents").await;
        let main = agents["items"]
            .as_array()?
            .iter()
            .find(|agent| agent["is_gateway_main"] == true)?
            .clone();
        (main["phase"] == "ready").then_some(())
    })
    .await;
    assert!(world.gateway.agent(&main).is_some());
    id
}

/// 3. A board with lead and workers: provisioned by jobs, ready, and online with the first check-in.
pub(super) async fn create_team(world: &World, user: &Rest, gateway: &str) -> Team {
    let board = user
        .post(
            "/api/v1/boards",
            json!({"name": "Launch", "description": "Ship it.", "gateway_id": gateway, "board_type": "general"}),
        )
        .await;
    let board = text(&board, "id").to_owned();
    let create = async |name: &str, lead: bool| {
        let agent = user
            .post(
                "/api/v1/agents",
                json!({"board_id": board, "name": name, "is_board_lead": lead}),
            )
            .await;
        text(&agent, "id").to_owned()
    };
    let lead = create("Lena", true).await;
    let worker = create("Walt", false).await;
    let rival = create("Rhea", false).await;
    let second_lead = json!({"board_id": board, "name": "Usurper", "is_board_lead": true});
    user.refused(
        Method::POST,
        "/api/v1/agents",
        Some(second_lead),
        409,
        "board_lead_exists",
    )
    .await;
    for id in [&lead, &worker, &rival] {
        until_placed(user, id).await;
    }
    let lead = check_in(world, user, &format!("lead-{board}"), &lead).await;
    let worker_rest = check_in(world, user, &format!("mc-{worker}"), &worker).await;
    let rival_rest = check_in(world, user, &format!("mc-{rival}"), &rival).await;
    Team {
        board,
        lead,
        worker: worker_rest,
        worker_id: worker,
        rival: rival_rest,
        rival_id: rival,
    }
}

pub(crate) async fn until_status(user: &Rest, agent: &str, status: &str) {
    eventually(&format!("agent {agent} is {status}"), || async {
        let found = user.get(&format!("/api/v1/agents/{agent}")).await;
        (found["status"] == status).then_some(())
    })
    .await;
}

/// Its gateway has what is wanted; whether it has called since is another matter.
pub(crate) async fn until_placed(user: &Rest, agent: &str) {
    eventually(&format!("agent {agent} is in place"), || async {
        let found = user.get(&format!("/api/v1/agents/{agent}")).await;
        (found["phase"] == "ready").then_some(())
    })
    .await;
}

/// Reads the agent's token where the agent would: in its workspace. The first check-in takes it online.
pub(crate) async fn check_in(world: &World, user: &Rest, key: &str, id: &str) -> Rest {
    let tools = world
        .gateway
        .file(key, "TOOLS.md")
        .expect("TOOLS.md was written");
    let token = token_in(&tools);
    let agent = Rest::agent(&world.url, &token);
    let health = agent.get("/api/v1/agent/healthz").await;
    assert_eq!(health["agent_id"], id);
    agent.post("/api/v1/agent/heartbeat", json!({})).await;
    until_status(user, id, "online").await;
    agent
}

pub(super) fn token_in(tools: &str) -> String {
    let start = tools
        .find("mca_")
        .expect("TOOLS.md carries the agent's token");
    tools[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}
