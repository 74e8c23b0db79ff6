//! The journey, step by step.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    grpc,
    receiver::Receiver,
    rest::{Rest, text},
    watch::{Node, Seen, Sse},
    world::{Shape, World, eventually},
};

/// A board with its lead and two workers, all of them ready.
struct Team {
    board: String,
    lead: Rest,
    worker: Rest,
    worker_id: String,
    rival: Rest,
}

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
    bad_input(&world, &user, &team).await;
    other_tenants_see_nothing(&user, &team, &task).await;
    world.stop().await;
}

/// 1. The local token signs in; a personal organization is there.
async fn sign_in(world: &World, user: &Rest) {
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
async fn create_gateway(world: &World, user: &Rest) -> String {
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
        (main["status"] == "ready").then_some(())
    })
    .await;
    assert!(world.gateway.agent(&main).is_some());
    id
}

/// 3. A board with lead and workers: provisioned by jobs, ready, and online with the first check-in.
async fn create_team(world: &World, user: &Rest, gateway: &str) -> Team {
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
        until_status(user, id, "ready").await;
    }
    let lead = check_in(world, user, &format!("lead-{board}"), &lead).await;
    let worker_rest = check_in(world, user, &format!("mc-{worker}"), &worker).await;
    let rival = check_in(world, user, &format!("mc-{rival}"), &rival).await;
    Team {
        board,
        lead,
        worker: worker_rest,
        worker_id: worker,
        rival,
    }
}

async fn until_status(user: &Rest, agent: &str, status: &str) {
    eventually(&format!("agent {agent} is {status}"), || async {
        let found = user.get(&format!("/api/v1/agents/{agent}")).await;
        (found["status"] == status).then_some(())
    })
    .await;
}

/// Reads the agent's token where the agent would: in its workspace. The first check-in takes it online.
async fn check_in(world: &World, user: &Rest, key: &str, id: &str) -> Rest {
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

fn token_in(tools: &str) -> String {
    let start = tools
        .find("mca_")
        .expect("TOOLS.md carries the agent's token");
    tools[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}

/// 7, first half: a webhook on the board, with a receiver that fails at first.
async fn subscribe(user: &Rest, board: &str) -> Receiver {
    let receiver = Receiver::start(2).await;
    let endpoint = user
        .post(
            "/api/v1/webhook-endpoints",
            json!({"url": receiver.url, "board_id": board, "event_types": ["task.*"]}),
        )
        .await;
    receiver.trust(text(&endpoint, "secret"));
    let again = user
        .get(&format!(
            "/api/v1/webhook-endpoints/{}",
            text(&endpoint, "id")
        ))
        .await;
    assert!(again["secret"].is_null(), "the secret is shown once");
    receiver
}

/// 4. A task is created through the flat route and assigned; the agent is told through its gateway session.
async fn assign(world: &World, user: &Rest, team: &Team) -> String {
    let task = user
        .post(
            "/api/v1/tasks",
            json!({"board_id": team.board, "title": "Write the launch note", "priority": "high"}),
        )
        .await;
    assert_eq!(
        (&task["status"], &task["version"]),
        (&json!("inbox"), &json!(1))
    );
    let id = text(&task, "id").to_owned();
    let assigned = user
        .post(
            &format!("/api/v1/tasks/{id}/assign-agent"),
            json!({"agent_id": team.worker_id}),
        )
        .await;
    assert_eq!(assigned["assigned_agent_id"], json!(team.worker_id));

    let session = format!("agent:mc-{}:main", team.worker_id);
    eventually("the worker is told through its gateway session", || async {
        let told = world.gateway.messages();
        told.iter()
            .any(|m| m.session_key == session && m.text.contains("Write the launch note"))
            .then_some(())
    })
    .await;
    eventually("the notice reads as sent", || async {
        let notices = user
            .get(&format!("/api/v1/agents/{}/notices", team.worker_id))
            .await;
        let notice = notices["items"]
            .as_array()?
            .iter()
            .find(|n| n["task_id"] == json!(id))?
            .clone();
        (notice["state"] == "sent" && notice["sent_at"].is_string()).then_some(())
    })
    .await;
    id
}

/// The id and the trace of a request are on the events that it caused, however many processes lie between.
async fn request_is_known(world: &World, team: &Team, sse: &Sse) {
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/boards/{}/tasks", world.url, team.board))
        .bearer_auth(&world.token)
        .header("x-request-id", "journey-1")
        .json(&json!({"title": "Known by its request"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], "journey-1");
    eventually("the event of the request was seen", || async {
        let events = sse.events();
        let caused = events
            .iter()
            .find(|event| event["request_id"] == "journey-1")?;
        caused["traceparent"]
            .as_str()
            .is_some_and(|trace| trace.starts_with("00-"))
            .then_some(())
    })
    .await;
}

/// 5, the race: of two workers that claim at once exactly one wins; the other is told so, however late it came.
async fn claim_exactly_once(user: &Rest, team: &Team) {
    for round in 0..8 {
        let path = format!("/api/v1/boards/{}/tasks", team.board);
        let task = user
            .post(&path, json!({"title": format!("Race {round}")}))
            .await;
        let path = format!(
            "/api/v1/agent/boards/{}/tasks/{}",
            team.board,
            text(&task, "id")
        );
        let claim = |agent: &Rest| {
            let (agent, path) = (agent.clone(), path.clone());
            async move {
                agent
                    .call(Method::PATCH, &path, Some(json!({"status": "in_progress"})))
                    .await
            }
        };
        let answers = join_all([claim(&team.worker), claim(&team.rival)]).await;
        let won = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(won, 1, "{answers:#?}");
        let lost = answers.iter().find(|(status, _)| *status != 200).unwrap();
        assert_eq!(
            (lost.0, &lost.1["code"]),
            (409, &json!("task_already_claimed")),
            "{answers:#?}"
        );
        let loser = if answers[0].0 == 200 {
            &team.rival
        } else {
            &team.worker
        };
        let claim = Some(json!({"status": "in_progress"}));
        loser
            .refused(Method::PATCH, &path, claim, 409, "task_already_claimed")
            .await;
        user.call(
            Method::DELETE,
            &format!("/api/v1/tasks/{}", text(&task, "id")),
            None,
        )
        .await;
    }
}

/// 5. The worker finds its task, claims it, comments and moves it to review, where the lead has it.
async fn work(team: &Team, task: &str) {
    let tasks = format!("/api/v1/agent/boards/{}/tasks", team.board);
    let mine = team
        .worker
        .get(&format!(
            "{tasks}?assigned_agent_id={}&status=inbox",
            team.worker_id
        ))
        .await;
    assert_eq!(
        (&mine["total"], &mine["items"][0]["id"]),
        (&json!(1), &json!(task)),
        "{mine:#}"
    );
    let path = format!("{tasks}/{task}");
    let claimed = team
        .worker
        .patch(&path, json!({"status": "in_progress"}))
        .await;
    assert!(claimed["in_progress_at"].is_string());
    let comment = team
        .worker
        .post(
            &format!("{path}/comments"),
            json!({"message": "Draft is in the wiki."}),
        )
        .await;
    assert_eq!(
        (&comment["author_name"], &comment["author_kind"]),
        (&json!("Walt"), &json!("agent"))
    );
    let reviewed = team
        .worker
        .patch(
            &path,
            json!({"status": "review", "comment": "Ready to read."}),
        )
        .await;
    assert_eq!(
        (&reviewed["status"], &reviewed["in_progress_at"]),
        (&json!("review"), &Value::Null)
    );
    let forbidden = Some(json!({"title": "Mine now"}));
    team.worker
        .refused(
            Method::PATCH,
            &path,
            forbidden,
            403,
            "task_update_field_forbidden",
        )
        .await;
}

/// 6. Done is refused until a person has approved.
async fn close_with_approval(user: &Rest, team: &Team, task: &str) {
    let path = format!("/api/v1/boards/{}/tasks/{task}", team.board);
    let done = || Some(json!({"status": "done"}));
    user.refused(Method::PATCH, &path, done(), 409, "task_approval_required")
        .await;
    let ask = json!({
        "action_type": "task.close", "task_id": task, "confidence": 90, "status": "approved",
        "lead_reasoning": "The note was read by two people.",
    });
    let approvals = format!("/api/v1/agent/boards/{}/approvals", team.board);
    let approval = team.lead.post(&approvals, ask.clone()).await;
    assert_eq!(
        approval["status"], "pending",
        "nobody approves their own request by asking"
    );
    let conflict = team
        .worker
        .refused(Method::POST, &approvals, Some(ask), 409, "approval_pending")
        .await;
    assert_eq!(
        conflict["conflicts"],
        json!([{"task_id": task, "approval_id": approval["id"]}])
    );
    user.refused(Method::PATCH, &path, done(), 409, "task_approval_required")
        .await;
    let decide = format!(
        "/api/v1/boards/{}/approvals/{}",
        team.board,
        text(&approval, "id")
    );
    let (status, _) = team
        .lead
        .call(Method::PATCH, &decide, Some(json!({"status": "approved"})))
        .await;
    assert_eq!(status, 403, "an agent decides nothing");
    let decided = user
        .patch(&decide, json!({"status": "approved", "note": "Go."}))
        .await;
    assert_eq!(decided["status"], "approved");
    let closed = user.patch(&path, json!({"status": "done"})).await;
    assert_eq!(closed["status"], "done");
}

/// 7, second half: each task event arrived, signed, after the failures; the attempts can be read.
async fn hooks_arrived(user: &Rest, team: &Team, receiver: &Receiver) {
    let feed = format!(
        "/api/v1/activity?board_id={}&event_type=task.*&limit=200",
        team.board
    );
    let expected = eventually("every task event reached the receiver", || async {
        let events = user.get(&feed).await;
        let mut expected: Vec<_> = items(&events)
            .iter()
            .map(|e| text(e, "event_type").to_owned())
            .collect();
        let mut arrived = receiver.types();
        expected.sort();
        arrived.sort();
        (expected == arrived).then_some(expected)
    })
    .await;
    assert!(
        expected
            .iter()
            .filter(|kind| *kind == "task.status_changed")
            .count()
            >= 3
    );
    receiver.assert_honest();
    let endpoints = user.get("/api/v1/webhook-endpoints").await;
    let deliveries = format!(
        "/api/v1/webhook-endpoints/{}/deliveries",
        text(&endpoints["items"][0], "id")
    );
    let list = user.get(&format!("{deliveries}?limit=200")).await;
    let retried = items(&list)
        .iter()
        .find(|d| d["attempt_count"].as_i64() > Some(1))
        .expect("one was retried")
        .clone();
    let read = user
        .get(&format!("{deliveries}/{}", text(&retried, "id")))
        .await;
    assert_eq!(
        (&read["state"], &read["attempts"][0]["response_status"]),
        (&json!("delivered"), &json!(500))
    );
}

/// 8. A cut stream resumes without gap or repeat.
async fn resume(world: &World, user: &Rest, team: &Team, sse: Sse) -> Vec<Seen> {
    let mut seen = sse.cut();
    let last = seen.last().expect("the stream saw something").sequence;
    let path = format!("/api/v1/boards/{}/tasks", team.board);
    for number in 0..3 {
        user.post(
            &path,
            json!({"title": format!("While nobody watched {number}")}),
        )
        .await;
    }
    let again = Sse::open(&world.url, &world.token, &team.board, Some(last)).await;
    user.post(&path, json!({"title": "While somebody watched"}))
        .await;
    again.wait_for("task.created", 4).await;
    seen.extend(again.cut());
    let mut sequences: Vec<_> = seen.iter().map(|event| event.sequence).collect();
    let count = sequences.len();
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), count, "nothing is seen twice");
    assert!(
        seen.is_sorted_by_key(|event| event.sequence),
        "everything is seen in order"
    );
    seen
}

/// 8. Both streams saw what the log holds, in its order; every event has a real actor.
async fn feed_is_in_order(user: &Rest, team: &Team, resumed: Vec<Seen>, node: &Node) {
    // Each viewer begins where it came in.
    let first = resumed[0].sequence.max(node.seen()[0].sequence);
    node.wait_for(
        "task.created",
        resumed.iter().filter(|s| s.kind == "task.created").count(),
    )
    .await;
    let log = user
        .get(&format!(
            "/api/v1/activity?board_id={}&limit=200",
            team.board
        ))
        .await;
    let last = resumed.last().unwrap().sequence;
    let resumed: Vec<_> = resumed
        .into_iter()
        .filter(|seen| seen.sequence >= first)
        .collect();
    let mut stored: Vec<_> = items(&log)
        .iter()
        .map(|e| Seen {
            sequence: e["sequence"].as_i64().unwrap(),
            kind: text(e, "event_type").to_owned(),
        })
        .filter(|e| (first..=last).contains(&e.sequence))
        .collect();
    stored.reverse();
    assert_eq!(resumed, stored, "SSE saw exactly what the log holds");
    let over_web: Vec<_> = node
        .seen()
        .into_iter()
        .filter(|e| (first..=last).contains(&e.sequence))
        .collect();
    assert_eq!(over_web, stored, "grpc-web saw exactly what the log holds");
    for event in items(&log) {
        assert!(
            event["actor"]["kind"].is_string() && !text(&event["actor"], "name").is_empty(),
            "{event:#}"
        );
    }
    let claims = items(&log)
        .iter()
        .filter(|e| e["event_type"] == "task.comment" && e["actor"]["name"] == "Walt")
        .count();
    assert!(claims >= 2, "the worker is the author of its comments");
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

/// Wrong requests: a 4xx with a code and the field, never a 500, nothing half done.
async fn bad_input(world: &World, user: &Rest, team: &Team) {
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
async fn other_tenants_see_nothing(user: &Rest, team: &Team, task: &str) {
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

    until_status(&user, &id, "ready").await;
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
