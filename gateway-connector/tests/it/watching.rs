//! Following what a gateway tells by itself.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use simulator::{SimulatorConfig, Version};
use sqlx::PgPool;

use crate::{
    ask::{next, next_of},
    support::{Bench, TOKEN, config, eventually, gateway_config},
};

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn events_arrive_in_order_and_pulses_do_not(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            tick_interval: Duration::from_millis(500),
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        let mut news = bench.watch().await.unwrap();
        let (kind, hello) = next(&mut news).await.unwrap();
        assert_eq!(kind, "connected");
        assert_eq!(hello["protocol"], version.protocol());
        eventually("the session listens", || bench.gateway.connections() == 1).await;
        for number in 0..20 {
            bench.gateway.tell("chat", json!({"seq": number}));
        }
        bench
            .gateway
            .tell("exec.approval.requested", json!({"id": "a"}));
        for number in 0..20 {
            let payload = next_of(&mut news, "chat").await.unwrap();
            assert_eq!(payload, json!({"seq": number}));
        }
        let (kind, _) = next(&mut news).await.unwrap();
        assert_eq!(kind, "exec.approval.requested");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_payload_that_is_too_large_is_left_out(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let mut news = bench.watch().await.unwrap();
    next_of(&mut news, "connected").await.unwrap();
    eventually("the session listens", || bench.gateway.connections() == 1).await;
    bench
        .gateway
        .tell("agent", json!({"data": "x".repeat(70_000)}));
    bench.gateway.tell("agent", json!({"data": "x"}));
    assert!(next_of(&mut news, "agent").await.unwrap().is_null());
    assert_eq!(next_of(&mut news, "agent").await.unwrap()["data"], "x");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_restart_is_seen_and_survived(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        let mut news = bench.watch().await.unwrap();
        next_of(&mut news, "connected").await.unwrap();
        eventually("the session listens", || bench.gateway.connections() == 1).await;
        bench.gateway.restart().await;
        let shutdown = next_of(&mut news, "shutdown").await.unwrap();
        assert_eq!(shutdown["restartExpectedMs"], 1500);
        next_of(&mut news, "disconnected").await.unwrap();
        next_of(&mut news, "connected").await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_announced_its_restart_is_found_again_quickly(pool: PgPool) {
    let gateway = SimulatorConfig {
        restart_time: Duration::from_secs(4),
        ..gateway_config(Version::V2026_7_1)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    let mut news = bench.watch().await.unwrap();
    next_of(&mut news, "connected").await.unwrap();
    eventually("the session listens", || bench.gateway.connections() == 1).await;
    bench.gateway.restart().await;
    let up = std::time::Instant::now();
    next_of(&mut news, "disconnected").await.unwrap();
    next_of(&mut news, "connected").await.unwrap();
    // Doubled pauses would have grown past this.
    assert!(
        up.elapsed() < Duration::from_millis(2500),
        "{:?}",
        up.elapsed()
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_watched_session_stays_open_and_is_let_go_afterwards(pool: PgPool) {
    let mut config = config();
    config.gateway_idle_after = Duration::from_millis(200);
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    let first = bench.watch().await.unwrap();
    let second = bench.watch().await.unwrap();
    eventually("the session is open", || bench.gateway.connections() == 1).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(bench.gateway.connections(), 1);
    drop(first);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(
        (bench.gateway.connections(), bench.gateway.accepted()),
        (1, 1)
    );
    drop(second);
    eventually("the session closes", || bench.gateway.connections() == 0).await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_is_away_is_waited_for(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.gateway.refuse_connections(true);
    let mut news = bench.watch().await.unwrap();
    let (kind, why) = next(&mut news).await.unwrap();
    assert_eq!(kind, "disconnected");
    assert_eq!(why["reason"], "GATEWAY_UNREACHABLE");
    bench.gateway.refuse_connections(false);
    next_of(&mut news, "connected").await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_refuses_us_is_not_watched(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.token = Some("wrong".into());
    let fault = bench.watch().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_UNAUTHORIZED");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn other_settings_end_the_stream(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    let mut news = bench.watch().await.unwrap();
    next_of(&mut news, "connected").await.unwrap();
    bench.target.token = Some("wrong".into());
    bench.probe().await.unwrap_err();
    let status = next_of(&mut news, "never").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(news.next().await.is_none());
    bench.target.token = Some(TOKEN.into());
    let mut news = bench.watch().await.unwrap();
    next_of(&mut news, "connected").await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_reader_that_sleeps_is_ended(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let mut slow = bench.watch().await.unwrap();
    let mut quick = bench.watch().await.unwrap();
    next_of(&mut slow, "connected").await.unwrap();
    eventually("the session listens", || bench.gateway.connections() == 1).await;
    // In portions that the quick one can follow.
    for _ in 0..40 {
        for number in 0..50 {
            bench
                .gateway
                .tell("presence", json!({"n": number, "x": "x".repeat(4000)}));
        }
        for _ in 0..50 {
            next_of(&mut quick, "presence").await.unwrap();
        }
    }
    let status = next_of(&mut slow, "never").await.unwrap_err();
    assert_eq!(
        chassis::fault::read(&status).reason,
        "GATEWAY_WATCH_TOO_SLOW"
    );
    assert!(slow.next().await.is_none());
    bench.gateway.tell("chat", json!({}));
    next_of(&mut quick, "chat").await.unwrap();
}
