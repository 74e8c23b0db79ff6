//! Connections that end, answers that are late and approvals that are taken back while a gateway is read.

use std::time::Duration;

use futures::future::join_all;
use simulator::{Cut, Effect, Pairing, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::{
    ask::next_of,
    support::{Bench, KEY, SESSION, config, gateway_config},
};

async fn bench(pool: &PgPool, version: Version) -> Bench {
    let gateway = SimulatorConfig {
        settle: Some(Duration::from_millis(20)),
        restart_delay: Duration::from_secs(60),
        ..gateway_config(version)
    };
    let bench = Bench::with(pool, gateway, config()).await;
    bench.ensure(KEY).await.unwrap();
    bench.gateway.settle();
    let files = [
        ("AGENTS.md", "# Agent"),
        ("HEARTBEAT.md", "beat"),
        ("BOARD.md", "of ours"),
    ];
    bench.write(&files).await.unwrap();
    bench.gateway.install_skill(KEY, "pdf");
    bench
        .gateway
        .add_sessions((0..120).map(|number| format!("agent:{KEY}:s{number}")));
    bench.gateway.remember(SESSION, "user", "hello");
    bench
}

/// Everything that can be read, what was taken away, and what is left.
async fn run(bench: &Bench) -> impl PartialEq + std::fmt::Debug + use<> {
    let agents = bench.agents().await.unwrap();
    let sessions = bench.sessions(None, None).await.unwrap();
    let said = bench.history(10).await.unwrap().len();
    let skills = bench.skills().await.unwrap();
    let board = bench.read("BOARD.md").await.unwrap();
    bench
        .remove_files(&["BOARD.md", "HEARTBEAT.md"])
        .await
        .unwrap();
    bench.reset().await.unwrap();
    let files = (bench.gateway.files(KEY), bench.gateway.scratch(KEY));
    (agents, sessions, said, skills, board, files)
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_cut_at_any_request_changes_nothing_of_what_is_read(pool: PgPool) {
    let pool = &pool;
    join_all(Version::ALL.map(|version| async move {
        let undisturbed = bench(pool, version).await;
        let before = undisturbed.gateway.calls().len();
        let expected = run(&undisturbed).await;
        let requests = undisturbed.gateway.calls().len() - before;
        assert!(requests >= 9, "{requests}");
        for request in 1..=requests {
            // One after the other is lost on its way there, and on its way back.
            let cut = if request % 2 == 0 {
                Cut {
                    effect: Effect::Lost,
                    code: None,
                }
            } else {
                Cut {
                    effect: Effect::Done,
                    code: Some(1012),
                }
            };
            let bench = bench(pool, version).await;
            bench.gateway.cut_at(request, cut);
            let found = run(&bench).await;
            assert_eq!(found, expected, "{version:?} {cut:?} at {request}");
        }
    }))
    .await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn late_answers_are_waited_for_and_later_ones_are_not(pool: PgPool) {
    let mut config = config();
    config.gateway_request_timeout = Duration::from_secs(2);
    let bench = Bench::with(&pool, gateway_config(Version::V2026_9_6), config).await;
    bench.ensure(KEY).await.unwrap();
    bench.gateway.settle();
    bench.gateway.delay(Some(Duration::from_millis(300)));
    bench.agents().await.unwrap();
    bench.skills().await.unwrap();
    bench.gateway.delay(None);
    for method in ["sessions.list", "chat.history", "sessions.reset"] {
        bench.gateway.hang(method, 1);
        let fault = match method {
            "sessions.list" => bench.sessions(None, None).await.unwrap_err(),
            "chat.history" => bench.history(1).await.unwrap_err(),
            _ => bench.reset().await.unwrap_err(),
        };
        assert_eq!(fault.reason, "GATEWAY_TIMEOUT", "{method}");
    }
    // The connection was never in question.
    assert_eq!(bench.gateway.accepted(), 1);
    bench.reset().await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_approval_that_is_taken_back_is_named_and_may_come_again(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            pairing: Pairing::Required,
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        bench.probe().await.unwrap_err();
        bench.gateway.approve_devices();
        bench.probe().await.unwrap();
        let mut news = bench.watch().await.unwrap();
        next_of(&mut news, "connected").await.unwrap();
        bench.gateway.revoke_devices();
        let status = next_of(&mut news, "never").await.unwrap_err();
        let fault = chassis::fault::read(&status);
        assert_eq!(fault.reason, "GATEWAY_PAIRING_REQUIRED", "{version:?}");
        let request = fault.facts["pairing_request_id"].as_str().unwrap();
        assert!(
            bench
                .gateway
                .pending_devices()
                .values()
                .any(|id| id == request)
        );
        let fault = bench.sessions(None, None).await.unwrap_err();
        assert_eq!(fault.reason, "GATEWAY_PAIRING_REQUIRED");
        bench.gateway.approve_devices();
        bench.probe().await.unwrap();
        let mut news = bench.watch().await.unwrap();
        next_of(&mut news, "connected").await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_restarts_over_its_own_configuration_is_read_all_the_same(pool: PgPool) {
    for version in [Version::V2026_2_9, Version::V2026_7_1] {
        let gateway = SimulatorConfig {
            restart_delay: Duration::from_millis(10),
            restart_time: Duration::from_millis(400),
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        let mut news = bench.watch().await.unwrap();
        next_of(&mut news, "connected").await.unwrap();
        for number in 0..3 {
            bench.gateway.forget_writes();
            let key = format!("mc-{number}");
            let (made, read) = tokio::join!(bench.ensure(&key), async {
                for _ in 0..20 {
                    bench.agents().await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok::<_, chassis::Fault>(())
            });
            assert!(made.unwrap());
            read.unwrap();
        }
        if version == Version::V2026_2_9 {
            next_of(&mut news, "shutdown").await.unwrap();
            next_of(&mut news, "connected").await.unwrap();
        }
    }
}
