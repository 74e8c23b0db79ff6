//! Gateways that do not want us, and requests that we do not want.

use chassis::Code;
use gateway_connector::PrivateAddresses;
use proto::gateway::v1::{EnsureAgentRequest, ProbeRequest};
use simulator::{Failure, Pairing, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, answer, config, file, gateway_config};

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_wrong_or_missing_token_is_unauthorized_on_every_version(pool: PgPool) {
    for version in Version::ALL {
        for token in [Some("wrong".to_owned()), None] {
            let mut bench = Bench::new(&pool, version).await;
            bench.target.token = token;
            let status = bench
                .connector
                .clone()
                .probe(ProbeRequest {
                    target: Some(bench.target.clone()),
                })
                .await
                .unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unauthenticated, "{version:?}");
            assert_eq!(chassis::fault::read(&status).reason, "GATEWAY_UNAUTHORIZED");
            assert!(!status.message().contains("wrong"));
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_unknown_device_waits_for_approval(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            pairing: Pairing::Required,
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        let fault = bench.probe().await.unwrap_err();
        assert_eq!(fault.reason, "GATEWAY_PAIRING_REQUIRED");
        let pending = bench.gateway.pending_devices();
        let request_id = pending.values().next().unwrap();
        assert_eq!(fault.facts["pairing_request_id"], request_id.as_str());
        bench.gateway.approve_devices();
        bench.probe().await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn without_a_device_the_token_alone_opens(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            pairing: Pairing::Required,
            ..gateway_config(version)
        };
        let mut bench = Bench::with(&pool, gateway, config()).await;
        bench.target.disable_device_pairing = true;
        bench.probe().await.unwrap();
        assert!(bench.gateway.calls()[0].params.get("device").is_none());
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn without_a_device_and_token_an_older_gateway_takes_us_as_its_browser(pool: PgPool) {
    let open = |version| SimulatorConfig {
        token: None,
        control_ui_without_device: true,
        ..gateway_config(version)
    };
    for version in [Version::V2026_2_9, Version::V2026_7_1] {
        let mut bench = Bench::with(&pool, open(version), config()).await;
        bench.target.disable_device_pairing = true;
        bench.probe().await.unwrap();
        let clients: Vec<_> = bench
            .gateway
            .calls()
            .into_iter()
            .filter(|call| call.method == "connect")
            .map(|call| call.params["client"]["id"].clone())
            .collect();
        assert_eq!(clients, ["gateway-client", "openclaw-control-ui"]);
    }
    let mut bench = Bench::with(&pool, open(Version::V2026_9_6), config()).await;
    bench.target.disable_device_pairing = true;
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_PAIRING_REQUIRED");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_release_that_is_too_old_is_incompatible(pool: PgPool) {
    let mut config = config();
    config.gateway_min_version = "2026.8.1".parse().unwrap();
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_INCOMPATIBLE");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_missing_scope_is_named(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let missing = Failure::new("FORBIDDEN", "missing scope: operator.admin")
        .details(serde_json::json!({"code": "MISSING_SCOPE", "missingScope": "operator.admin"}));
    bench.gateway.fail("agents.create", 1, missing);
    let fault = bench.ensure(KEY).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_SCOPE_MISSING");
    assert_eq!(fault.facts["scope"], "operator.admin");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_repeats_the_token_does_not_make_us_do_so(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let secret = bench.target.token.clone().unwrap();
    bench.gateway.fail(
        "agents.create",
        1,
        Failure::invalid(format!("cannot use {secret}")),
    );
    let fault = bench.ensure(KEY).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_REFUSED");
    assert!(!format!("{fault:?}").contains(&secret));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn private_addresses_are_refused_unless_somebody_allowed_them(pool: PgPool) {
    let mut config = config();
    config.gateway_allow_private_addresses = PrivateAddresses::Auto;
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Invalid, "GATEWAY_ADDRESS_REFUSED")
    );
    assert_eq!(fault.fields[0].field, "url");
    assert_eq!(bench.gateway.accepted(), 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn bad_requests_name_their_field(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let good = bench.agent(KEY);
    let target = || good.target.clone().unwrap();
    let with_target = |target| EnsureAgentRequest {
        target: Some(target),
        ..good.clone()
    };
    let url = |url: &str| {
        with_target(proto::gateway::v1::Target {
            url: url.into(),
            ..target()
        })
    };
    let table = [
        (
            EnsureAgentRequest {
                target: None,
                ..good.clone()
            },
            "target",
        ),
        (
            with_target(proto::gateway::v1::Target {
                gateway_id: String::new(),
                ..target()
            }),
            "target.gateway_id",
        ),
        (url("nonsense"), "target.url"),
        (url("ftp://host"), "target.url"),
        (url("ws://user:pass@host"), "target.url"),
        (
            EnsureAgentRequest {
                agent_key: "Upper".into(),
                ..good.clone()
            },
            "agent_key",
        ),
        (
            EnsureAgentRequest {
                agent_key: "main".into(),
                ..good.clone()
            },
            "agent_key",
        ),
        (
            EnsureAgentRequest {
                agent_key: "x".repeat(65),
                ..good.clone()
            },
            "agent_key",
        ),
        (
            EnsureAgentRequest {
                display_name: " ".into(),
                ..good.clone()
            },
            "display_name",
        ),
        (
            EnsureAgentRequest {
                workspace: "a\0b".into(),
                ..good.clone()
            },
            "workspace",
        ),
    ];
    for (request, field) in table {
        let fault = bench.ensure_as(request).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.fields[0].field.as_str()),
            (chassis::Code::Invalid, field)
        );
    }
    for (files, field) in [
        (vec![file("../x", "")], "files[0].name"),
        (vec![file("A.md", ""), file("A.md", "")], "files[1].name"),
        (vec![file("A.md", "\0")], "files[0].content"),
        (
            (0..51).map(|n| file(&format!("{n}.md"), "")).collect(),
            "files",
        ),
    ] {
        assert_eq!(
            bench.write_as(files).await.unwrap_err().fields[0].field,
            field
        );
    }
    assert_eq!(
        bench.send(" ", "k").await.unwrap_err().fields[0].field,
        "message"
    );
    assert_eq!(bench.gateway.accepted(), 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn only_the_mesh_itself_may_ask(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let (running, _) = crate::support::connector(&pool, config()).await;
    let mut nobody = proto::gateway::v1::connector_service_client::ConnectorServiceClient::new(
        running.client(chassis::Caller::Anonymous),
    );
    let request = ProbeRequest {
        target: Some(bench.target.clone()),
    };
    assert!(answer(nobody.probe(request).await).is_err());
}
