//! Connections that end in the middle of anything: the end state is that of an undisturbed run, once.

use std::time::Duration;

use futures::future::join_all;
use simulator::{Cut, Effect, SimulatorConfig, Version};

use crate::support::{Bench, KEY, config, gateway_config};

const FILES: &[(&str, &str)] = &[
    ("AGENTS.md", "# Agent"),
    ("TOOLS.md", "TOKEN=x"),
    ("HEARTBEAT.md", "beat"),
    ("USER.md", "u"),
];

async fn bench(version: Version) -> Bench {
    let gateway = SimulatorConfig {
        settle: Some(Duration::from_millis(20)),
        restart_time: Duration::from_millis(20),
        ..gateway_config(version)
    };
    let bench = Bench::with(gateway, config()).await;
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

#[tokio::test]
async fn a_cut_at_any_request_leaves_the_same_state_once() {
    join_all(Version::ALL.map(|version| async move {
        let undisturbed = bench(version).await;
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
                    let bench = bench(version).await;
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

#[tokio::test]
async fn a_patch_that_is_cut_off_by_its_own_restart_took_effect() {
    for version in Version::ALL {
        let bench = bench(version).await;
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

#[tokio::test]
async fn a_connection_that_never_holds_is_given_up() {
    let bench = bench(Version::V2026_7_1).await;
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
    bench.gateway.heal();
    assert!(bench.ensure(KEY).await.unwrap());
}
