//! Agents come to exist as wanted, on every kind of configuration.

use std::time::Duration;

use chassis::Code;
use futures::future::join_all;
use serde_json::{Value, json};
use simulator::{Agent, Failure, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, SESSION, config, gateway_config};

fn beat(version: Version) -> Value {
    match version {
        Version::V2026_9_6 => json!({"every": "10m", "target": "none"}),
        Version::V2026_2_9 | Version::V2026_7_1 => {
            json!({"every": "10m", "target": "last", "includeReasoning": false})
        }
    }
}

fn wanted(version: Version, key: &str) -> Agent {
    Agent {
        id: key.into(),
        name: Some("Worker One".into()),
        workspace: Some(format!("/srv/workspace-{key}")),
        heartbeat: Some(beat(version)),
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_agent_is_made_once_and_then_left_alone(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        assert!(bench.ensure(KEY).await.unwrap());
        assert_eq!(bench.gateway.agent(KEY), Some(wanted(version, KEY)));
        let writes = |bench: &Bench| {
            ["agents.create", "agents.update", "config.patch"]
                .map(|method| bench.gateway.count(method))
        };
        let before = writes(&bench);
        assert_eq!((before[0], before[2]), (1, 1));
        assert!(!bench.ensure(KEY).await.unwrap());
        assert_eq!(
            writes(&bench),
            before,
            "nothing differs, nothing is written"
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_was_there_before_becomes_what_is_wanted(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.gateway.add_agent(KEY, "/elsewhere");
        bench.gateway.add_agent("bystander", "/bystander");
        assert!(!bench.ensure(KEY).await.unwrap());
        assert_eq!(bench.gateway.agent(KEY), Some(wanted(version, KEY)));
        let bystander = bench.gateway.agent("bystander").unwrap();
        assert_eq!(
            (bystander.workspace.as_deref(), bystander.heartbeat),
            (Some("/bystander"), None)
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_workspace_under_the_home_directory_is_recognised(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let mut agent = bench.agent(KEY);
    agent.workspace = "~/workspaces/one".into();
    bench.ensure_as(agent.clone()).await.unwrap();
    let updates = bench.gateway.count("agents.update");
    bench.ensure_as(agent).await.unwrap();
    assert_eq!(bench.gateway.count("agents.update"), updates);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_configuration_that_moves_is_read_again(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let stale = Failure::invalid("config changed since last load; re-run config.get and retry");
    bench.gateway.fail("config.patch", 3, stale);
    bench.ensure(KEY).await.unwrap();
    assert_eq!(
        bench.gateway.agent(KEY),
        Some(wanted(Version::V2026_9_6, KEY))
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_agent_that_appears_in_between_is_taken_over(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.gateway.fail(
        "agents.create",
        1,
        Failure::invalid(format!("agent \"{KEY}\" already exists")),
    );
    // The configuration shows no such agent, creation says there is one: it appears before that answer arrives.
    bench.gateway.delay(Some(Duration::from_millis(100)));
    let appear = async {
        while bench.gateway.count("agents.create") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bench.gateway.add_agent(KEY, "/elsewhere");
    };
    let (ensured, ()) = tokio::join!(bench.ensure(KEY), appear);
    ensured.unwrap();
    assert_eq!(
        bench.gateway.agent(KEY),
        Some(wanted(Version::V2026_7_1, KEY))
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn many_agents_at_once_need_few_writes(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.probe().await.unwrap();
        let keys: Vec<String> = (0..12).map(|n| format!("mc-{n}")).collect();
        let made = join_all(keys.iter().map(|key| bench.ensure(key))).await;
        for (key, made) in keys.iter().zip(made) {
            assert!(made.unwrap());
            assert_eq!(bench.gateway.agent(key), Some(wanted(version, key)));
        }
        let patches = bench.gateway.count("config.patch");
        assert!(
            patches <= 3,
            "{patches} patches would break the limit of 2026.7"
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_wish_that_does_not_hold_fails_alone(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.probe().await.unwrap();
    bench.gateway.fail(
        "config.patch",
        1,
        Failure::invalid("invalid config: agents.entries.x.heartbeat: no"),
    );
    let made = join_all(["mc-a", "mc-b"].map(|key| bench.ensure(key))).await;
    assert!(made.iter().any(Result::is_ok), "{made:?}");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_rate_limit_is_told_and_not_spent(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    for n in 0..3 {
        bench.ensure(&format!("mc-{n}")).await.unwrap();
    }
    let fault = bench.ensure("mc-3").await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_BUSY");
    assert!(fault.retry_after.unwrap() > Duration::from_secs(50));
    let patches = bench.gateway.count("config.patch");
    assert_eq!(
        bench.ensure("mc-4").await.unwrap_err().reason,
        "GATEWAY_BUSY"
    );
    assert_eq!(
        bench.gateway.count("config.patch"),
        patches,
        "a refused patch counts too"
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_short_rate_limit_is_waited_for(pool: PgPool) {
    let gateway = SimulatorConfig {
        rate_window: Duration::from_secs(1),
        ..gateway_config(Version::V2026_7_1)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    for n in 0..5 {
        bench.ensure(&format!("mc-{n}")).await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn removing_an_agent_twice_is_removing_it(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.send("hello", "k1").await.unwrap();
        for _ in 0..2 {
            bench.remove().await.unwrap();
            assert_eq!(bench.gateway.agent(KEY), None);
            assert_eq!(bench.gateway.session(SESSION), None, "{version:?}");
            assert!(bench.gateway.files(KEY).is_empty());
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_writes_what_it_remembers_undoes_nothing(pool: PgPool) {
    let gateway = SimulatorConfig {
        memory: Some(Duration::from_millis(200)),
        restart_delay: Duration::from_secs(3_600),
        rate_window: Duration::ZERO,
        ..gateway_config(Version::V2026_2_9)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    let keys = ["mc-a", "mc-b", "mc-c", "mc-d"];
    for made in join_all(keys.map(|key| bench.ensure(key))).await {
        made.unwrap();
    }
    for key in keys {
        assert_eq!(
            bench.gateway.agent(key),
            Some(wanted(Version::V2026_2_9, key))
        );
    }
    for removed in join_all(keys.map(|key| bench.remove_one(key, ""))).await {
        removed.unwrap();
    }
    for key in keys {
        assert_eq!(bench.gateway.agent(key), None);
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn removing_an_agent_leaves_a_configuration_that_others_can_join(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.remove().await.unwrap();
        bench.ensure("late").await.unwrap();
        assert_eq!(bench.gateway.agent("late"), Some(wanted(version, "late")));
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_file_that_is_being_written_keeps_an_agent_waiting_and_no_longer(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    // What the gateway answers to a repeat while it still works at the request whose response was lost.
    bench.gateway.fail(
        "agents.create",
        1,
        Failure::invalid("unsafe workspace file \"IDENTITY.md\""),
    );
    let fault = bench.ensure(KEY).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Unavailable, "GATEWAY_FILE_UNSAFE")
    );
    assert!(fault.message.contains("IDENTITY.md"), "{fault:?}");
    assert!(bench.ensure(KEY).await.unwrap());
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_does_not_act_on_its_configuration_is_named_and_recovers(pool: PgPool) {
    let gateway = SimulatorConfig {
        settle: Some(Duration::from_secs(3_600)),
        ..gateway_config(Version::V2026_9_6)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    assert_eq!(bench.ensure(KEY).await.unwrap_err().reason, "GATEWAY_STUCK");
    // An agent that is in the configuration is not gone because the gateway says that it does not know it.
    assert_eq!(bench.remove().await.unwrap_err().reason, "GATEWAY_STUCK");
    assert!(bench.gateway.agent(KEY).is_some());
    bench.gateway.settle();
    assert!(!bench.ensure(KEY).await.unwrap());
    bench.remove().await.unwrap();
    assert!(bench.gateway.agent(KEY).is_none());
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_another_writer_undoes_is_done_again(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        assert!(bench.ensure(KEY).await.unwrap());
        bench.gateway.undo("agents.delete", 1);
        bench.remove().await.unwrap();
        assert!(bench.gateway.agent(KEY).is_none());
        assert_eq!(bench.gateway.count("agents.delete"), 2);
    }
}
