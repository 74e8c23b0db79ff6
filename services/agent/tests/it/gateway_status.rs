//! How gateways are, what runs on them, and what they tell: looked at without changing anything there.

use chassis::Role;
use futures::StreamExt;
use proto::{
    agent::v1::{
        AgentStatus, DiagnoseGatewayRequest, DiagnosisCheck, DiagnosisOutcome, Gateway,
        GatewayDiagnosis, GatewayStatus, GetGatewayStatusRequest, ListGatewayCommandsRequest,
        ListRuntimeAgentsRequest, ProbeGatewayRequest, RuntimeAgent, UpdateGatewayRequest,
        WatchGatewayRequest,
    },
    gateway::v1::{Check, CheckOutcome, RunningAgent, WatchResponse},
};
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    fixture::{World, key, person, reason, refusal, until},
    stand_in::Mood,
};

/// What changes something on a gateway.
const CHANGES: [&str; 6] = ["ensure", "write", "send", "remove", "reset", "remove_files"];

impl World {
    /// A gateway with its main agent in place.
    async fn settled_gateway(&self) -> Gateway {
        let gateway = self.gateway("Lab").await;
        let main = self.main_agent(&gateway).await;
        self.until(&main.id, AgentStatus::Ready).await;
        self.until_quiet().await;
        self.connector.forget();
        gateway
    }

    async fn status(&self, request: GetGatewayStatusRequest) -> Result<GatewayStatus, Status> {
        let mut client = self.gateways(self.admin());
        let answer = client.get_gateway_status(request).await?;
        Ok(answer.into_inner().status.unwrap())
    }

    fn untouched(&self) {
        let names = self.connector.names();
        assert!(
            !names.iter().any(|name| CHANGES.contains(name)),
            "{names:?}"
        );
    }
}

fn of(gateway: &Gateway) -> GetGatewayStatusRequest {
    GetGatewayStatusRequest {
        gateway_id: Some(gateway.id.clone()),
        ..GetGatewayStatusRequest::default()
    }
}

fn main_key(gateway: &Gateway) -> String {
    format!("agent:mc-gateway-{}:main", gateway.id)
}

#[sqlx::test(migrations = false)]
async fn a_gateway_is_named_in_three_ways_and_nothing_changes_on_it(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    let board = world.board(&gateway, 1);
    let bare = world.status(of(&gateway)).await.unwrap();
    let expected = GatewayStatus {
        connected: true,
        gateway_url: "ws://127.0.0.1:18789".into(),
        sessions_count: Some(0),
        version: Some("2026.7.1".into()),
        protocol: Some(4),
        latency_ms: Some(7),
        ..GatewayStatus::default()
    };
    assert_eq!(bare, expected);

    world.connector.runs(|runtime| {
        runtime.open_session("agent:other:main", 0);
        runtime.open_session(&main_key(&gateway), 0);
    });
    let by_board = GetGatewayStatusRequest {
        board_id: Some(board.to_string()),
        ..GetGatewayStatusRequest::default()
    };
    let by_url = GetGatewayStatusRequest {
        gateway_url: Some(gateway.url.clone()),
        gateway_allow_insecure_tls: Some(true),
        ..GetGatewayStatusRequest::default()
    };
    for request in [of(&gateway), by_board, by_url] {
        let status = world.status(request).await.unwrap();
        assert_eq!((status.sessions_count, status.sessions.len()), (Some(2), 2));
        let main = chassis::encode::from_value(&status.main_session.unwrap());
        assert_eq!(main["key"], main_key(&gateway));
    }
    world.untouched();
}

#[sqlx::test(migrations = false)]
async fn the_main_session_is_found_among_more_than_can_be_listed(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    world.connector.runs(|runtime| {
        for n in 0..250 {
            runtime.open_session(&format!("agent:a{n}:main"), 0);
        }
        runtime.open_session(&main_key(&gateway), 0);
    });
    let status = world.status(of(&gateway)).await.unwrap();
    assert_eq!(
        (status.sessions_count, status.sessions.len()),
        (Some(251), 200)
    );
    assert!(status.main_session.is_some());
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_does_not_answer_is_told_by_a_code(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    for reason in [
        "GATEWAY_UNREACHABLE",
        "GATEWAY_UNAUTHORIZED",
        "GATEWAY_PAIRING_REQUIRED",
    ] {
        world.connector.fail(1, reason);
        let expected = GatewayStatus {
            connected: false,
            gateway_url: gateway.url.clone(),
            error: Some("the gateway said no".into()),
            error_code: Some(reason.to_lowercase()),
            ..GatewayStatus::default()
        };
        assert_eq!(world.status(of(&gateway)).await.unwrap(), expected);
    }
    // That the connector itself is away says nothing about the gateway.
    world.connector.fail(1, "PEER_UNAVAILABLE");
    let refused = world.status(of(&gateway)).await.unwrap_err();
    assert_eq!(reason(&refused), "PEER_UNAVAILABLE");
}

#[sqlx::test(migrations = false)]
async fn what_names_no_gateway_of_the_organization_is_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    let board = world.board(&gateway, 1);
    let none = GetGatewayStatusRequest::default();
    let with_token = GetGatewayStatusRequest {
        gateway_token: Some("secret".into()),
        ..of(&gateway)
    };
    let url = |url: &str| GetGatewayStatusRequest {
        gateway_url: Some(url.into()),
        ..GetGatewayStatusRequest::default()
    };
    let by_id = |id: &str| GetGatewayStatusRequest {
        gateway_id: Some(id.into()),
        ..GetGatewayStatusRequest::default()
    };
    let by_board = |id: &str| GetGatewayStatusRequest {
        board_id: Some(id.into()),
        ..GetGatewayStatusRequest::default()
    };
    let unknown = Uuid::now_v7().to_string();
    for (request, expected) in [
        (none, (422, "GATEWAY_TARGET_REQUIRED", "gateway_id")),
        (with_token, (422, "TOKEN_IN_QUERY", "gateway_token")),
        (
            url("ws://h:1/?token=secret"),
            (422, "TOKEN_IN_QUERY", "gateway_url"),
        ),
        (url("ws://h:1"), (404, "GATEWAY_NOT_FOUND", "")),
        (by_id("seven"), (422, "INVALID_REQUEST", "gateway_id")),
        (by_id(&unknown), (404, "GATEWAY_NOT_FOUND", "")),
        (by_board("seven"), (422, "INVALID_REQUEST", "board_id")),
        (by_board(&unknown), (404, "BOARD_NOT_FOUND", "")),
    ] {
        let refused = refusal(&world.status(request.clone()).await.unwrap_err());
        let (http, reason, field) = expected;
        assert_eq!(refused, (http, reason.into(), field.into()), "{request:?}");
    }
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    for request in [
        of(&gateway),
        url(&gateway.url),
        by_board(&board.to_string()),
    ] {
        let mut client = world.gateways(stranger.clone());
        let refused = client.get_gateway_status(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
    assert!(world.connector.calls().is_empty());
}

#[sqlx::test(migrations = false)]
async fn one_that_is_not_registered_is_asked_with_what_opens_it_and_nothing_is_kept(pool: PgPool) {
    let world = World::start(pool).await;
    let request = ProbeGatewayRequest {
        url: " ws://127.0.0.1:9 ".into(),
        token: Some("a secret".into()),
        allow_insecure_tls: Some(true),
        disable_device_pairing: None,
    };
    let mut client = world.gateways(world.admin());
    let status = client
        .probe_gateway(request.clone())
        .await
        .unwrap()
        .into_inner()
        .status
        .unwrap();
    assert_eq!(
        (status.connected, status.gateway_url.as_str()),
        (true, "ws://127.0.0.1:9")
    );
    assert_eq!(
        (status.version.as_deref(), status.main_session),
        (Some("2026.7.1"), None)
    );
    world.connector.fail(1, "GATEWAY_INCOMPATIBLE");
    let status = client
        .probe_gateway(request.clone())
        .await
        .unwrap()
        .into_inner()
        .status
        .unwrap();
    assert_eq!(status.error_code.as_deref(), Some("gateway_incompatible"));
    let rows: i64 = sqlx::query_scalar("select count(*) from gateway")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    for url in [
        "http://h",
        "ws://",
        "ws://h/?token=x",
        "ws://u:p@h",
        "wss://h/#x",
        "ws://h\0",
    ] {
        let wrong = ProbeGatewayRequest {
            url: url.into(),
            ..request.clone()
        };
        let refused = client.probe_gateway(wrong).await.unwrap_err();
        let (http, _, field) = refusal(&refused);
        assert_eq!((http, field.as_str()), (422, "url"), "{url}");
    }
}

#[sqlx::test(migrations = false)]
async fn commands_are_those_of_the_protocol(pool: PgPool) {
    let world = World::start(pool).await;
    let mut client = world.gateways(world.admin());
    let all = client
        .list_gateway_commands(ListGatewayCommandsRequest {})
        .await;
    let all = all.unwrap().into_inner();
    assert_eq!(
        (all.protocol_version, all.methods.len(), all.events.len()),
        (4, 86, 18)
    );
}

#[sqlx::test(migrations = false)]
async fn a_diagnosis_says_what_to_do(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    let check = |name: &str, outcome: CheckOutcome, fix: Option<&str>| Check {
        name: name.into(),
        outcome: outcome.into(),
        detail: "seen".into(),
        fix: fix.map(str::to_owned),
        took_ms: 3,
    };
    let shown = |name: &str, outcome: DiagnosisOutcome, fix: Option<&str>| DiagnosisCheck {
        name: name.into(),
        outcome: outcome.into(),
        detail: "seen".into(),
        fix: fix.map(str::to_owned),
        took_ms: 3,
    };
    world.connector.runs(|runtime| {
        runtime.checks = vec![
            check("address", CheckOutcome::Pass, None),
            check("dns", CheckOutcome::Fail, Some("correct the name")),
            check("tcp", CheckOutcome::Skipped, None),
        ];
    });
    let ask = || {
        let request = DiagnoseGatewayRequest {
            gateway_id: gateway.id.clone(),
        };
        let mut client = world.gateways(world.admin());
        async move { client.diagnose_gateway(request).await }
    };
    let diagnosis = ask().await.unwrap().into_inner().diagnosis.unwrap();
    let expected = GatewayDiagnosis {
        gateway_id: gateway.id.clone(),
        gateway_url: gateway.url.clone(),
        ok: false,
        checks: vec![
            shown("address", DiagnosisOutcome::Pass, None),
            shown("dns", DiagnosisOutcome::Fail, Some("correct the name")),
            shown("tcp", DiagnosisOutcome::Skipped, None),
        ],
    };
    assert_eq!(diagnosis, expected);
    world.connector.runs(|runtime| runtime.checks.truncate(1));
    assert!(ask().await.unwrap().into_inner().diagnosis.unwrap().ok);
    world.connector.fail(1, "GATEWAY_BUSY");
    let busy = ask().await.unwrap_err();
    let fault = chassis::fault::read(&busy);
    assert_eq!(
        (fault.code.http(), fault.reason.as_str()),
        (503, "GATEWAY_BUSY")
    );
    assert!(fault.retry_after.is_some());
    world.untouched();
}

#[sqlx::test(migrations = false)]
async fn runtime_agents_are_told_with_the_one_of_ours_that_each_is(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    let main = world.main_agent(&gateway).await;
    let running = |agent_key: &str, configured: bool| RunningAgent {
        agent_key: agent_key.into(),
        name: Some("Somebody".into()),
        workspace: Some("/srv/x".into()),
        is_configured: configured,
    };
    world.connector.runs(|runtime| {
        runtime.agents = vec![
            running("main", true),
            running(&key(&main).to_uppercase(), false),
        ];
    });
    let shown = |id: &str, agent_id: Option<&str>, is_configured: bool| RuntimeAgent {
        id: id.into(),
        name: Some("Somebody".into()),
        workspace: Some("/srv/x".into()),
        agent_id: agent_id.map(str::to_owned),
        is_configured,
    };
    let request = ListRuntimeAgentsRequest {
        gateway_id: gateway.id.clone(),
    };
    let mut client = world.gateways(world.admin());
    let items = client
        .list_runtime_agents(request.clone())
        .await
        .unwrap()
        .into_inner()
        .items;
    let expected = [
        shown("main", None, true),
        shown(&key(&main).to_uppercase(), Some(&main.id), false),
    ];
    assert_eq!(items, expected);
    let mut stranger = world.gateways(person(Uuid::from_u128(2), Role::Owner));
    let refused = stranger.list_runtime_agents(request).await.unwrap_err();
    assert_eq!(reason(&refused), "GATEWAY_NOT_FOUND");
}

fn event(r#type: &str) -> WatchResponse {
    WatchResponse {
        r#type: r#type.into(),
        at: Some(prost_types::Timestamp::default()),
        payload: Some(chassis::encode::to_value(
            &serde_json::json!({"runId": "7"}),
        )),
    }
}

#[sqlx::test(migrations = false)]
async fn whoever_watches_sees_what_happens_until_the_connector_ends_it(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.settled_gateway().await;
    let request = WatchGatewayRequest {
        gateway_id: gateway.id.clone(),
    };
    let watch = || {
        let (mut client, request) = (world.gateways(world.admin()), request.clone());
        async move {
            client
                .watch_gateway(request)
                .await
                .map(tonic::Response::into_inner)
        }
    };
    let mut seen = watch().await.unwrap();
    for word in ["connected", "agent", "chat"] {
        world
            .connector
            .runs(|runtime| runtime.tell(&Ok(event(word))));
        let told = seen.next().await.unwrap().unwrap();
        assert_eq!(
            (told.gateway_id.as_str(), told.r#type.as_str()),
            (gateway.id.as_str(), word)
        );
        assert_eq!(
            (told.at, told.payload),
            (event(word).at, event(word).payload)
        );
    }
    let gone = chassis::Fault::unavailable("GATEWAY_UNREACHABLE", "it is away");
    world
        .connector
        .runs(|runtime| runtime.tell(&Err(gone.clone().into())));
    let end = seen.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&end), "GATEWAY_UNREACHABLE");
    assert!(seen.next().await.is_none());

    let mut seen = watch().await.unwrap();
    world.connector.runs(crate::runtime::Runtime::hang_up);
    let end = seen.next().await.unwrap().unwrap_err();
    assert_eq!(
        (end.code(), reason(&end)),
        (Code::Unavailable, "GATEWAY_WATCH_ENDED".into())
    );

    drop(watch().await.unwrap());
    until("nobody watches", || async {
        world
            .connector
            .runs(|runtime| runtime.tell(&Ok(event("tick"))));
        (world.connector.runs(crate::runtime::Runtime::watchers) == 0).then_some(())
    })
    .await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    let refused = watch().await.unwrap_err();
    // It is our token that the gateway refuses, not the caller's.
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "GATEWAY_UNAUTHORIZED".into())
    );
    let mut stranger = world.gateways(person(Uuid::from_u128(2), Role::Owner));
    let refused = stranger.watch_gateway(request.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "GATEWAY_NOT_FOUND");
    world.untouched();
}

#[sqlx::test(migrations = false)]
async fn a_new_name_neither_resets_nor_rotates_nor_wakes(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let token = world.token(&main).await;
    world.until_quiet().await;
    world.connector.forget();
    let request = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["name".into()],
        }),
        name: Some("Garage".into()),
        ..UpdateGatewayRequest::default()
    };
    world
        .gateways(world.admin())
        .update_gateway(request)
        .await
        .unwrap();
    until("its files are written again", || async {
        world.connector.names().contains(&"write").then_some(())
    })
    .await;
    world.until_heard("agent.provisioned", 2).await;
    assert_eq!(world.connector.names(), ["ensure", "write"]);
    assert_eq!(world.connector.token(&key(&main)), Some(token));
    world.connector.be(Mood::Well);
}
