//! Keys of a heartbeat that shall be gone: they go, on every kind of configuration, and what its owner added stays.

use std::time::Duration;

use futures::future::join_all;
use proto::gateway::v1::EnsureAgentRequest;
use serde_json::{Value, json};
use simulator::{Cut, Effect, Failure, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, config, gateway_config};

impl Bench {
    fn paced(&self, key: &str, heartbeat: &Value) -> EnsureAgentRequest {
        EnsureAgentRequest {
            heartbeat: chassis::encode::to_struct(heartbeat),
            ..self.agent(key)
        }
    }

    fn heartbeat(&self, key: &str) -> Value {
        self.gateway.agent(key).unwrap().heartbeat.unwrap()
    }

    /// An agent with a heartbeat of ours, to which the gateway's owner added `ackMaxChars`.
    async fn with_heartbeat(&self, key: &str) {
        let hours = json!({"start": "08:00", "end": "17:00"});
        let full = json!({"every": "5m", "target": "none", "model": "small", "activeHours": hours});
        self.ensure_as(self.paced(key, &full)).await.unwrap();
        self.gateway.write_heartbeat(key, "ackMaxChars", json!(30));
    }
}

const LESS: &str = r#"{"every": "5m", "target": "none", "model": null, "session": null, "activeHours": {"start": "08:00"}}"#;

fn less() -> Value {
    serde_json::from_str(LESS).unwrap()
}

fn left() -> Value {
    json!({"every": "5m", "target": "none", "activeHours": {"start": "08:00"}, "ackMaxChars": 30})
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_shall_be_gone_goes_and_what_the_owner_added_stays(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.with_heartbeat(KEY).await;
        bench.with_heartbeat("bystander").await;
        let before = bench.heartbeat("bystander");
        bench.gateway.forget_writes();
        bench.ensure_as(bench.paced(KEY, &less())).await.unwrap();
        assert_eq!(bench.heartbeat(KEY), left(), "{version:?}");
        assert_eq!(bench.heartbeat("bystander"), before);
        let patches = bench.gateway.count("config.patch");
        bench.ensure_as(bench.paced(KEY, &less())).await.unwrap();
        assert_eq!(
            bench.gateway.count("config.patch"),
            patches,
            "nothing differs, nothing is written"
        );
        // It may come back.
        let back = json!({"every": "5m", "model": "large"});
        bench.ensure_as(bench.paced(KEY, &back)).await.unwrap();
        assert_eq!(bench.heartbeat(KEY)["model"], "large");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_heartbeat_may_name_what_was_never_there(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure_as(bench.paced(KEY, &less())).await.unwrap();
        let mut expected = left();
        expected.as_object_mut().unwrap().remove("ackMaxChars");
        assert_eq!(bench.heartbeat(KEY), expected, "{version:?}");
        assert_eq!(bench.gateway.count("config.patch"), 1);
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_shall_be_gone_goes_whatever_happens_to_the_patch(pool: PgPool) {
    let stale = || Failure::invalid("config changed since last load; re-run config.get and retry");
    for version in Version::ALL {
        for fault in 0..4 {
            let gateway = SimulatorConfig {
                restart_time: Duration::from_millis(20),
                ..gateway_config(version)
            };
            let bench = Bench::with(&pool, gateway, config()).await;
            bench.with_heartbeat(KEY).await;
            bench.gateway.forget_writes();
            let cut = |effect| Cut { effect, code: None };
            match fault {
                0 => bench.gateway.fail("config.patch", 1, stale()),
                1 => bench.gateway.cut_on("config.patch", 1, cut(Effect::Done)),
                2 => bench.gateway.cut_on("config.patch", 1, cut(Effect::Lost)),
                _ => bench.gateway.undo("config.patch", 1),
            }
            bench.ensure_as(bench.paced(KEY, &less())).await.unwrap();
            assert_eq!(bench.heartbeat(KEY), left(), "{version:?} {fault}");
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn many_at_once_take_out_together(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        let keys: Vec<String> = (0..6).map(|n| format!("mc-{n}")).collect();
        for key in &keys {
            bench.gateway.forget_writes();
            bench.with_heartbeat(key).await;
        }
        bench.gateway.forget_writes();
        let before = bench.gateway.count("config.patch");
        let requests = keys.iter().map(|key| bench.paced(key, &less()));
        let done = join_all(requests.map(|request| bench.ensure_as(request))).await;
        for (key, done) in keys.iter().zip(done) {
            done.unwrap();
            assert_eq!(bench.heartbeat(key), left(), "{version:?}");
        }
        let patches = bench.gateway.count("config.patch") - before;
        assert!(patches <= 6, "{version:?}: {patches}");
    }
}
