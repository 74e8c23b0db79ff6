//! What becomes of a team: told, given another soul, written again, given new tokens, onboarded, retired.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    items,
    team::{Team, check_in, token_in, until_placed},
};
use crate::{
    rest::{Rest, text},
    world::{World, eventually},
};

pub(super) async fn journey(world: &World, user: &Rest, team: &Team, gateway: &str) {
    let main = main_agent(world, user, gateway).await;
    messages_arrive(world, user, team, &main).await;
    another_soul(world, team).await;
    files_written_again(world, user, team, gateway).await;
    another_token(world, user, team).await;
    onboarding(world, user, &main, gateway).await;
    retired(world, user, team, gateway).await;
}

async fn main_agent(world: &World, user: &Rest, gateway: &str) -> Rest {
    let agents = user
        .get(&format!("/api/v1/agents?gateway_id={gateway}"))
        .await;
    let main = items(&agents)
        .iter()
        .find(|agent| agent["is_gateway_main"] == true)
        .expect("a gateway has a main agent");
    let key = format!("mc-gateway-{gateway}");
    check_in(world, user, &key, text(main, "id")).await
}

/// Whether a message with these words arrived in a session.
fn arrived(world: &World, session: &str, words: &str) -> Option<()> {
    world
        .gateway
        .messages()
        .iter()
        .any(|message| message.session_key == session && message.text.contains(words))
        .then_some(())
}

/// A lead nudges a worker and asks a person; the main agent of the gateway asks all leads.
async fn messages_arrive(world: &World, user: &Rest, team: &Team, main: &Rest) {
    let (board, worker) = (&team.board, &team.worker_id);
    let nudged = team
        .lead
        .post(
            &format!("/api/v1/agent/boards/{board}/agents/{worker}/nudge"),
            json!({"message": "Are you still at it?"}),
        )
        .await;
    assert_eq!(nudged["ok"], true, "{nudged:#}");
    let session = format!("agent:mc-{worker}:main");
    eventually("the worker was nudged", || async {
        arrived(world, &session, "Are you still at it?")
    })
    .await;
    let notices = format!("/api/v1/agents/{worker}/notices");
    eventually("the nudge shows as sent", || async {
        let notices = user.get(&notices).await;
        let nudge = items(&notices)
            .iter()
            .find(|notice| notice["id"] == nudged["notice_id"])?
            .clone();
        (nudge["state"] == "sent").then_some(())
    })
    .await;
    team.worker
        .refused(
            Method::POST,
            &format!("/api/v1/agent/boards/{board}/agents/{worker}/nudge"),
            Some(json!({"message": "No"})),
            403,
            "board_lead_required",
        )
        .await;

    let asked = team
        .lead
        .post(
            &format!("/api/v1/agent/boards/{board}/gateway/main/ask-user"),
            json!({"content": "Which colour?"}),
        )
        .await;
    assert_eq!(asked["ok"], true, "{asked:#}");
    let told = main
        .post(
            "/api/v1/agent/gateway/leads/broadcast",
            json!({"content": "How far are you?"}),
        )
        .await;
    assert_eq!(
        (&told["sent"], &told["failed"]),
        (&json!(1), &json!(0)),
        "{told:#}"
    );
    eventually("the lead was asked", || async {
        arrived(
            world,
            &format!("agent:lead-{board}:main"),
            "How far are you?",
        )
    })
    .await;
}

/// The lead gives a worker another soul: kept, written, and no reason for a new token.
async fn another_soul(world: &World, team: &Team) {
    let (board, worker) = (&team.board, &team.worker_id);
    let key = format!("mc-{worker}");
    let before = world.gateway.file(&key, "TOOLS.md");
    let path = format!("/api/v1/agent/boards/{board}/agents/{worker}/soul");
    let soul = "# Soul\n\nBrief. {{ braces }} stay as they are.";
    let put = team
        .lead
        .call(Method::PUT, &path, Some(json!({"content": soul})))
        .await;
    assert_eq!(put.0, 200, "{:#}", put.1);
    eventually("the soul is written", || async {
        (world.gateway.file(&key, "SOUL.md")?.trim() == soul).then_some(())
    })
    .await;
    assert_eq!(
        team.worker.get(&path).await.as_str().map(str::trim),
        Some(soul)
    );
    assert_eq!(world.gateway.file(&key, "TOOLS.md"), before);
    assert_eq!(team.worker.get("/api/v1/agent/healthz").await["ok"], true);
}

async fn files_written_again(world: &World, user: &Rest, team: &Team, gateway: &str) {
    let done = eventually("no job is under way", || async {
        let (status, done) = user
            .call(
                Method::POST,
                &format!("/api/v1/gateways/{gateway}/templates/sync?wait_seconds=30"),
                None,
            )
            .await;
        (status == 200 && done["agents_updated"] == 3).then_some(done)
    })
    .await;
    assert_eq!(
        (&done["main_updated"], &done["errors"]),
        (&json!(true), &json!([])),
        "{done:#}"
    );
    assert_eq!(team.worker.get("/api/v1/agent/healthz").await["ok"], true);
    assert!(
        world
            .gateway
            .file(&format!("lead-{}", team.board), "AGENTS.md")
            .is_some()
    );
}

/// The old token ends when the new one is first used, and not before.
async fn another_token(world: &World, user: &Rest, team: &Team) {
    let (id, key) = (&team.rival_id, format!("mc-{}", team.rival_id));
    let token = || {
        let tools = world.gateway.file(&key, "TOOLS.md");
        token_in(&tools.expect("TOOLS.md is there"))
    };
    let before = token();
    user.post(&format!("/api/v1/agents/{id}/rotate-token"), json!({}))
        .await;
    let after = eventually("another token is written", || async {
        Some(token()).filter(|token| *token != before)
    })
    .await;
    assert_eq!(team.rival.get("/api/v1/agent/healthz").await["ok"], true);
    let renewed = Rest::agent(&world.url, &after);
    assert_eq!(renewed.get("/api/v1/agent/healthz").await["ok"], true);
    eventually("the old token has ended", || async {
        let (status, _) = team
            .rival
            .call(Method::GET, "/api/v1/agent/healthz", None)
            .await;
        (status == 401).then_some(())
    })
    .await;
}

/// The main agent asks, a person answers and confirms, and the board has a goal and a lead.
async fn onboarding(world: &World, user: &Rest, main: &Rest, gateway: &str) {
    let board = user
        .post(
            "/api/v1/boards",
            json!({"name": "Onboarded", "description": "To be found out.", "gateway_id": gateway, "board_type": "general"}),
        )
        .await;
    let board = text(&board, "id").to_owned();
    let path = format!("/api/v1/boards/{board}/onboarding");
    user.refused(Method::GET, &path, None, 404, "onboarding_not_found")
        .await;
    let started = user.post(&format!("{path}/start"), json!({})).await;
    assert_eq!(started["status"], "active", "{started:#}");
    eventually("the main agent was asked to begin", || async {
        arrived(world, text(&started, "session_key"), &board)
    })
    .await;
    let update = format!("/api/v1/agent/boards/{board}/onboarding");
    let options = json!([{"id": "ship", "label": "Ship it"}, {"id": "other", "label": "Something else (say what)"}]);
    main.post(
        &update,
        json!({"question": "What is it for?", "options": options}),
    )
    .await;
    user.refused(
        Method::POST,
        &format!("{path}/confirm"),
        Some(json!({"board_type": "general"})),
        409,
        "onboarding_not_completed",
    )
    .await;
    user.post(&format!("{path}/answer"), json!({"answer": "Ship it"}))
        .await;
    let draft = json!({
        "status": "complete", "board_type": "goal", "objective": "Ship it", "success_metrics": {"shipped": "yes"},
        "lead_agent": {"name": "Nova", "autonomy_level": "autonomous", "identity_profile": {"role": "Captain"}},
    });
    let completed = main.post(&update, draft).await;
    assert_eq!(completed["status"], "completed", "{completed:#}");
    let goal = json!({"board_type": "goal", "objective": "Ship it", "success_metrics": {"shipped": "yes"}});
    let confirmed = user.post(&format!("{path}/confirm"), goal).await;
    assert_eq!(
        (
            &confirmed["goal_confirmed"],
            &confirmed["require_approval_for_done"]
        ),
        (&json!(true), &json!(false)),
        "{confirmed:#}"
    );
    let agents = user.get(&format!("/api/v1/agents?board_id={board}")).await;
    let lead: &Value = &agents["items"][0];
    assert_eq!(
        (&lead["name"], &lead["is_board_lead"]),
        (&json!("Nova"), &json!(true)),
        "{agents:#}"
    );
    until_placed(user, text(lead, "id")).await;
}

/// An agent that is deleted is gone from its gateway; a gateway that is in use is not.
async fn retired(world: &World, user: &Rest, team: &Team, gateway: &str) {
    let (id, key) = (&team.rival_id, format!("mc-{}", team.rival_id));
    let path = format!("/api/v1/agents/{id}");
    let (status, done) = user.call(Method::DELETE, &path, None).await;
    assert_eq!((status, &done["ok"]), (200, &json!(true)), "{done:#}");
    eventually("the agent is gone", || async {
        let (status, _) = user.call(Method::GET, &path, None).await;
        (status == 404 && world.gateway.agent(&key).is_none()).then_some(())
    })
    .await;
    let (status, again) = user.call(Method::DELETE, &path, None).await;
    assert_eq!((status, &again["ok"]), (200, &json!(true)), "{again:#}");
    user.refused(
        Method::DELETE,
        &format!("/api/v1/gateways/{gateway}"),
        None,
        409,
        "gateway_in_use",
    )
    .await;
}
