use std::{sync::atomic::Ordering, time::Duration};

use proto::event::v1::{ActiveOrganizationChanged, AgentTokenChanged, event::Payload};
use reqwest::{Method, RequestBuilder, StatusCode};
use uuid::Uuid;

use crate::support::{
    BOARD, CROWD, Edge, LEAD, MAIN, MEMBER, OWNER, READER, WORKER, agent_token, feed::event,
    problem, start, start_with,
};

async fn refused(request: RequestBuilder) -> (u16, String) {
    let (status, code, _) = problem(request.send().await.unwrap()).await;
    (status.as_u16(), code)
}

#[tokio::test]
async fn a_credential_is_required_and_must_be_one_of_ours() {
    let edge = start().await;
    let me = || edge.request(Method::GET, "/api/v1/users/me");
    let response = me().send().await.unwrap();
    assert_eq!(
        response.headers()["www-authenticate"],
        "Bearer realm=\"mission-control\""
    );
    for request in [
        me(),
        me().bearer_auth("wrong"),
        me().bearer_auth("mca_wrong"),
        me().header("authorization", "Basic eDp5"),
        me().header("authorization", "Bearer"),
    ] {
        assert_eq!(refused(request).await, (401, "unauthenticated".into()));
    }
}

#[tokio::test]
async fn two_credentials_are_never_chosen_between() {
    let edge = start().await;
    let tasks = || edge.request(Method::GET, "/api/v1/tasks");
    assert_eq!(
        refused(tasks().bearer_auth(OWNER).header("x-agent-token", WORKER)).await,
        (400, "ambiguous_credentials".into())
    );
    let same = tasks()
        .bearer_auth(WORKER)
        .header("x-agent-token", WORKER)
        .send()
        .await
        .unwrap();
    assert_eq!(same.status(), StatusCode::OK);
}

#[tokio::test]
async fn kinds_of_caller_that_an_rpc_is_not_for_are_told_who_it_is_for() {
    let edge = start().await;
    let create = format!("/api/v1/agent/boards/{BOARD}/tasks");
    let update = format!("/api/v1/agent/boards/{BOARD}/tasks/x");
    for (method, path, token, code) in [
        (Method::GET, "/api/v1/gateways", MEMBER, "admin_required"),
        (Method::GET, "/api/v1/gateways", LEAD, "user_required"),
        (
            Method::POST,
            "/api/v1/agent/heartbeat",
            OWNER,
            "agent_required",
        ),
        (Method::POST, &create, WORKER, "board_lead_required"),
        (Method::PATCH, &update, MAIN, "board_agent_required"),
    ] {
        let request = edge.request(method, path).bearer_auth(token);
        assert_eq!(refused(request).await, (403, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_credential_is_verified_once_however_many_ask_at_once() {
    let edge = start().await;
    let requests = (0..20).map(|_| edge.get("/api/v1/users/me"));
    for response in futures::future::join_all(requests).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
    assert_eq!(edge.behind.authentications.load(Ordering::SeqCst), 1);
}

/// Repeats a request until it is answered so, at most for two seconds.
async fn until(edge: &Edge, token: &str, path: &str, status: StatusCode) {
    for _ in 0..200 {
        let response = edge
            .request(Method::GET, path)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        if response.status() == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {status}");
}

#[tokio::test]
async fn who_is_remembered_is_forgotten_when_an_event_says_so() {
    let edge = start_with(&["--auth-failures-per-minute=0"]).await;
    // Once the feed is heard, and what came before it forgotten.
    edge.say(event(1, "organization.updated", None)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    until(&edge, WORKER, "/api/v1/agent/healthz", StatusCode::OK).await;
    until(&edge, OWNER, "/api/v1/users/me", StatusCode::OK).await;
    edge.behind.locked_out.store(true, Ordering::SeqCst);
    assert_eq!(
        edge.get("/api/v1/users/me").await.status(),
        StatusCode::OK,
        "remembered"
    );

    let rotated = AgentTokenChanged {
        agent_id: Uuid::from_u128(12).to_string(),
    };
    edge.say(event(
        2,
        "agent.token_changed",
        Some(Payload::AgentTokenChanged(rotated)),
    ))
    .await;
    until(
        &edge,
        WORKER,
        "/api/v1/agent/healthz",
        StatusCode::UNAUTHORIZED,
    )
    .await;

    let switched = ActiveOrganizationChanged {
        user_id: Uuid::from_u128(1).to_string(),
    };
    let switched = Payload::ActiveOrganizationChanged(switched);
    edge.say(event(3, "user.active_organization_changed", Some(switched)))
        .await;
    until(&edge, OWNER, "/api/v1/users/me", StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn what_a_caller_does_to_itself_counts_from_its_next_request_on() {
    let edge = start_with(&["--auth-failures-per-minute=0"]).await;
    edge.say(event(1, "organization.updated", None)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    until(&edge, OWNER, "/api/v1/users/me", StatusCode::OK).await;
    edge.behind.locked_out.store(true, Ordering::SeqCst);
    assert_eq!(edge.get("/api/v1/users/me").await.status(), StatusCode::OK);

    let changed = edge.owner(Method::POST, "/api/v1/auth/bootstrap").send();
    assert_eq!(changed.await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        edge.get("/api/v1/users/me").await.status(),
        StatusCode::UNAUTHORIZED,
        "asked again, without an event"
    );
}

#[tokio::test]
async fn failures_of_one_address_are_limited_and_successes_are_not() {
    let edge = start_with(&[
        "--auth-failures-per-minute=3",
        "--trusted-proxies=127.0.0.1",
    ])
    .await;
    let from = |address: &str, token: &str| {
        edge.request(Method::GET, "/api/v1/users/me")
            .bearer_auth(token)
            .header("x-forwarded-for", address)
    };
    for _ in 0..10 {
        assert_eq!(
            from("10.0.0.1", OWNER).send().await.unwrap().status(),
            StatusCode::OK
        );
        assert_eq!(
            refused(edge.request(Method::GET, "/api/v1/users/me"))
                .await
                .0,
            401,
            "nothing tried, nothing counted"
        );
    }
    for attempt in 0..3 {
        assert_eq!(
            refused(from("10.0.0.1", &format!("wrong{attempt}")))
                .await
                .0,
            401
        );
    }
    let response = from("10.0.0.1", "wrong").send().await.unwrap();
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let (status, code, body) = problem(response).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_failures")
    );
    assert_eq!(body["retryable"], true);

    assert_eq!(
        refused(from("10.0.0.2", "wrong")).await.0,
        401,
        "another address"
    );
    assert_eq!(
        refused(from("9.9.9.9, 10.0.0.1", "wrong")).await.0,
        429,
        "the left of the chain is the sender's claim"
    );
    assert_eq!(
        from("10.0.0.1", OWNER).send().await.unwrap().status(),
        StatusCode::OK,
        "remembered"
    );
}

/// The answers to a check-in with a token.
async fn beats(edge: &Edge, token: &str, times: usize) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..times {
        let request = edge.request(Method::POST, "/api/v1/agent/heartbeat");
        let answer = request.header("x-agent-token", token).send().await.unwrap();
        answers.push(answer.status().as_u16());
    }
    answers
}

#[tokio::test]
async fn a_stranger_keeps_nobody_behind_the_same_address_out() {
    let edge = start().await;
    edge.say(event(1, "organization.updated", None)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Tokens that look right, each in a name of its own: after the budget none of them is answered as wrong.
    let wrong = |number: u128| agent_token(9_000 + number);
    for number in 0..20 {
        assert_eq!(beats(&edge, &wrong(number), 1).await, [401]);
    }
    assert_eq!(beats(&edge, &wrong(20), 1).await, [429]);
    assert_eq!(
        refused(
            edge.request(Method::GET, "/api/v1/users/me")
                .bearer_auth("wrong")
        )
        .await
        .0,
        429
    );

    // Twenty agents that never called before, a hundred calls each, while the stranger goes on.
    let agents = CROWD.map(|number| {
        let edge = &edge;
        async move { beats(edge, &agent_token(number), 100).await }
    });
    let stranger = async {
        let mut answers = Vec::new();
        for number in 100..200 {
            answers.extend(beats(&edge, &wrong(number), 1).await);
        }
        answers
    };
    let (agents, stranger) = tokio::join!(futures::future::join_all(agents), stranger);
    assert_eq!(agents, vec![vec![200; 100]; 20]);
    assert_eq!(stranger, [429; 100]);

    // In the name of one of them, whom the edge has forgotten besides.
    let named = format!("{}y", &agent_token(CROWD.start)[..79]);
    assert_eq!(beats(&edge, &named, 3).await, [429; 3]);
    let before = edge.behind.authentications.load(Ordering::SeqCst);
    let agent_id = Uuid::from_u128(CROWD.start).to_string();
    let changed = Payload::AgentTokenChanged(AgentTokenChanged { agent_id });
    edge.say(event(2, "agent.token_changed", Some(changed)))
        .await;
    for _ in 0..200 {
        assert_eq!(beats(&edge, &agent_token(CROWD.start), 1).await, [200]);
        if edge.behind.authentications.load(Ordering::SeqCst) > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the edge never asked again");
}

#[tokio::test]
async fn an_agent_has_a_budget() {
    let edge = start_with(&["--agent-requests-per-minute=5"]).await;
    let health = || {
        edge.request(Method::GET, "/api/v1/agent/healthz")
            .bearer_auth(WORKER)
    };
    for _ in 0..5 {
        assert_eq!(health().send().await.unwrap().status(), StatusCode::OK);
    }
    let response = health().send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(problem(response).await.1, "too_many_requests");
    let other = edge
        .request(Method::GET, "/api/v1/agent/healthz")
        .bearer_auth(LEAD)
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn agents_that_called_are_reported_by_the_time_the_process_ends() {
    let edge = start().await;
    for token in [WORKER, WORKER, LEAD] {
        let path = "/api/v1/agent/healthz";
        assert_eq!(
            edge.request(Method::GET, path)
                .bearer_auth(token)
                .send()
                .await
                .unwrap()
                .status(),
            StatusCode::OK
        );
    }
    let behind = edge.behind.clone();
    edge.running.stop().await.unwrap();
    let mut seen: Vec<_> = behind
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.agent_id.clone())
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [11_u128, 12].map(|number| Uuid::from_u128(number).to_string())
    );
}

#[tokio::test]
async fn a_limited_credential_reaches_services_with_its_limit() {
    let edge = start().await;
    for token in [READER, OWNER] {
        let me = edge
            .request(Method::GET, "/api/v1/users/me")
            .bearer_auth(token);
        assert_eq!(me.send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(
        *edge.behind.scopes.lock().unwrap(),
        [vec!["read".to_owned()], vec![]]
    );
    let change = edge
        .request(Method::POST, "/api/v1/tasks")
        .bearer_auth(READER)
        .json(&serde_json::json!({"title": "T", "board_id": BOARD}));
    assert_eq!(refused(change).await, (403, "scope_missing".into()));
}

#[tokio::test]
async fn the_owner_of_a_credential_says_how_long_it_is_remembered() {
    let edge = start().await;
    let get = || edge.get("/api/v1/users/me");
    let later = crate::support::now() + chrono::TimeDelta::seconds(1);
    *edge.behind.good_until.lock().unwrap() = Some(later);
    get().await;
    get().await;
    assert_eq!(edge.behind.authentications.load(Ordering::SeqCst), 1);

    edge.behind.authentications.store(0, Ordering::SeqCst);
    *edge.behind.good_until.lock().unwrap() = Some(crate::support::now());
    let other = || {
        edge.request(Method::GET, "/api/v1/users/me")
            .bearer_auth(MEMBER)
            .send()
    };
    other().await.unwrap();
    other().await.unwrap();
    assert_eq!(edge.behind.authentications.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_an_admin_does_to_others_counts_from_their_next_request_on() {
    let edge = start_with(&["--auth-failures-per-minute=0"]).await;
    edge.say(event(1, "organization.updated", None)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    until(&edge, MEMBER, "/api/v1/users/me", StatusCode::OK).await;
    until(&edge, OWNER, "/api/v1/users/me", StatusCode::OK).await;
    edge.behind.locked_out.store(true, Ordering::SeqCst);
    let path = "/api/v1/organizations/me/members/x";
    let removed = edge.owner(Method::DELETE, path).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NOT_IMPLEMENTED);
    let member = edge.request(Method::GET, "/api/v1/users/me");
    assert_eq!(
        refused(member.bearer_auth(MEMBER)).await.0,
        401,
        "asked again, without an event"
    );
}

#[tokio::test]
async fn an_invitation_is_redeemed_without_a_credential_and_not_guessed() {
    let edge = start_with(&["--auth-failures-per-minute=3"]).await;
    let redeem = |token: &str| {
        edge.request(Method::POST, "/api/v1/auth/redeem-invite")
            .json(&serde_json::json!({"token": token, "name": "Ada"}))
    };
    for request in [redeem("mci_good"), redeem("mci_good").bearer_auth("wrong")] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["api_token"]["token"], "mcp_new");
    }
    for attempt in 0..3 {
        assert_eq!(
            refused(redeem(&format!("mci_{attempt}"))).await,
            (404, "invite_not_found".into())
        );
    }
    assert_eq!(
        refused(redeem("mci_good")).await,
        (429, "too_many_failures".into())
    );
    // Whoever has a credential is not kept out by it.
    assert_eq!(edge.get("/api/v1/users/me").await.status(), 200);
}
