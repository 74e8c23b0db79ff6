//! Connections that end in the middle of anything: the end state is that of an undisturbed run, once.

use std::time::Duration;

use futures::future::join_all;
use simulator::{Cut, Effect, SimulatorConfig, Version};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::support::{Bench, KEY, config, gateway_config};

const FILES: &[(&str, &str)] = &[
    ("AGENTS.md", "# Agent"),
    ("TOOLS.md", "TOKEN=x"),
    ("HEARTBEAT.md", "beat"),
    ("USER.md", "u"),
];

async fn bench(pool: &PgPool, version: Version) -> Bench {
    let gateway = SimulatorConfig {
        settle: Some(Duration::from_millis(20)),
        restart_time: Duration::from_millis(20),
        ..gateway_config(version)
    };
    let bench = Bench::with(pool, gateway, config()).await;
    // The first connection is not what is cut here.
    bench.probe().await.unwrap();
    bench
}

async fn run(bench: &Bench) -> bool {
    let created = bench.ensure(KEY).await.unwrap();
    bench.write(FILES).await.unwrap();
    created
}

/// What a run leaves behind.
fn state(bench: &Bench) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        bench.gateway.agents(),
        bench.gateway.files(KEY),
        bench.gateway.scratch(KEY),
    )
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_cut_at_any_request_leaves_the_same_state_once(pool: PgPool) {
    let pool = &pool;
    join_all(Version::ALL.map(|version| async move {
        let undisturbed = bench(pool, version).await;
        assert!(run(&undisturbed).await);
        let expected = state(&undisturbed);
        let requests = undisturbed.gateway.calls().len();
        let cuts = [
            (Effect::Lost, None),
            (Effect::Done, None),
            (Effect::Done, Some(1012)),
        ];
        join_all(cuts.map(|(effect, code)| {
            let expected = &expected;
            async move {
                for request in 1..=requests {
                    let bench = bench(pool, version).await;
                    bench.gateway.cut_at(request, Cut { effect, code });
                    assert!(run(&bench).await, "{version:?} {effect:?} at {request}");
                    assert_eq!(
                        &state(&bench),
                        expected,
                        "{version:?} {effect:?} at {request}"
                    );
                    assert!(!run(&bench).await);
                    assert_eq!(
                        &state(&bench),
                        expected,
                        "repeated: {version:?} {effect:?} at {request}"
                    );
                }
            }
        }))
        .await;
    }))
    .await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_patch_that_is_cut_off_by_its_own_restart_took_effect(pool: PgPool) {
    let pool = &pool;
    for version in Version::ALL {
        let bench = bench(pool, version).await;
        bench.gateway.cut_on(
            "config.patch",
            1,
            Cut {
                effect: Effect::Done,
                code: Some(1012),
            },
        );
        bench.ensure(KEY).await.unwrap();
        assert_eq!(
            bench.gateway.count("config.patch"),
            1,
            "the second look finds it done"
        );
        assert!(bench.gateway.agent(KEY).unwrap().heartbeat.is_some());
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_connection_that_never_holds_is_given_up(pool: PgPool) {
    let pool = &pool;
    let bench = bench(pool, Version::V2026_7_1).await;
    bench.gateway.cut_on(
        "config.get",
        100,
        Cut {
            effect: Effect::Lost,
            code: None,
        },
    );
    let fault = bench.ensure(KEY).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_UNREACHABLE");
    // Pauses have grown long by now, and nobody is made to sit them out.
    for _ in 0..3 {
        let refused = timeout(Duration::from_secs(15), bench.ensure(KEY)).await;
        assert_eq!(refused.unwrap().unwrap_err().reason, "GATEWAY_UNREACHABLE");
    }
    bench.gateway.heal();
    bench.probe().await.unwrap();
    assert!(bench.ensure(KEY).await.unwrap());
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_line_that_carries_two_answers_at_a_time_is_enough(pool: PgPool) {
    let pool = &pool;
    join_all(Version::ALL.map(|version| async move {
        let undisturbed = bench(pool, version).await;
        run(&undisturbed).await;
        for effect in [Effect::Lost, Effect::Done] {
            let bench = bench(pool, version).await;
            bench.gateway.cut_every(3, Cut { effect, code: None });
            // What was answered lets the next connection be made at once; pauses that grew would take minutes.
            let made = timeout(Duration::from_secs(20), run(&bench)).await;
            assert!(made.unwrap_or_else(|_| panic!("{version:?} {effect:?} takes too long")));
            assert_eq!(state(&bench), state(&undisturbed), "{version:?} {effect:?}");
        }
    }))
    .await;
}
