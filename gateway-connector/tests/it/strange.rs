//! Gateways that say what no gateway says: every answer ends in an error with a name.

use chassis::Fault;
use serde_json::{Value, json};
use simulator::{Failure, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, config, gateway_config};

fn kinds() -> [Value; 7] {
    [
        json!(null),
        json!(true),
        json!(5),
        json!("text"),
        json!([]),
        json!({}),
        json!({"sessions": 1, "messages": "x", "file": "x", "config": {"agents": []}, "agents": 5, "skills": {}}),
    ]
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_answer_of_another_kind_is_an_incompatible_gateway(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.ensure(KEY).await.unwrap();
    bench.gateway.settle();
    let judge = |method: &str, kind: &Value, fault: Option<Fault>| {
        let reason = fault.map_or("none".to_owned(), |fault| fault.reason);
        assert!(
            [
                "none",
                "GATEWAY_INCOMPATIBLE",
                "GATEWAY_AGENT_NOT_FOUND",
                "GATEWAY_STUCK"
            ]
            .contains(&reason.as_str()),
            "{method} answered with {kind}: {reason}"
        );
    };
    for kind in kinds() {
        let say = |method: &str| bench.gateway.say(method, 1, kind.clone());
        say("sessions.list");
        judge(
            "sessions.list",
            &kind,
            bench.sessions(None, None).await.err(),
        );
        say("chat.history");
        judge("chat.history", &kind, bench.history(10).await.err());
        say("agents.files.get");
        judge("agents.files.get", &kind, bench.read("SOUL.md").await.err());
        say("agents.files.list");
        judge(
            "agents.files.list",
            &kind,
            bench.write(&[("SOUL.md", "x")]).await.err(),
        );
        say("agents.list");
        judge("agents.list", &kind, bench.agents().await.err());
        say("skills.status");
        judge("skills.status", &kind, bench.skills().await.err());
        say("config.get");
        judge("config.get", &kind, bench.agents().await.err());
        say("health");
        judge("health", &kind, bench.probe().await.err());
        say("cron.list");
        judge(
            "cron.list",
            &kind,
            bench.write(&[("HEARTBEAT.md", "beat")]).await.err(),
        );
        bench.gateway.heal();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn pages_that_lead_nowhere_end(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let page = json!({"sessions": [], "totalCount": 9, "hasMore": true, "nextOffset": 5});
    bench.gateway.say("sessions.list", 50, page);
    let (keys, total) = bench.sessions(None, None).await.unwrap();
    assert_eq!((keys.len(), total), (0, 9));
    assert_eq!(bench.gateway.count("sessions.list"), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_a_gateway_calls_itself_is_short_and_on_one_line(pool: PgPool) {
    let gateway = SimulatorConfig {
        announced: Some(format!("dev\0\n{}", "x".repeat(100_000))),
        ..gateway_config(Version::V2026_7_1)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    let version = bench.probe().await.unwrap().version;
    assert!(version.starts_with("dev  x"), "{version:?}");
    assert!(version.chars().count() <= 200);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_request_for_approval_is_named_in_print(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let named = Failure::new("NOT_PAIRED", "pairing required").details(
        json!({"code": "PAIRING_REQUIRED", "requestId": format!("r\0\n{}", "x".repeat(100_000))}),
    );
    bench.gateway.fail("health", 1, named);
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_PAIRING_REQUIRED");
    let named = fault.facts["pairing_request_id"].as_str().unwrap();
    assert!(named.starts_with("r  x") && named.len() <= 200, "{named:?}");
    assert!(!fault.message.contains(char::is_control) && fault.message.len() < 400);
}
