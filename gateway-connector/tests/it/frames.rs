//! Frames in the shape in which gateways of each version send them.

use std::collections::BTreeSet;

use serde_json::Value;
use simulator::Version;
use sqlx::PgPool;

use crate::support::{Bench, KEY, SESSION};

/// The whole of a first contact, as the gateway sees it.
#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn every_version_is_greeted_and_measured(pool: PgPool) {
    for (version, announced, protocol) in [
        (Version::V2026_2_9, "dev", 3),
        (Version::V2026_7_1, "2026.7.1", 4),
        (Version::V2026_9_6, "2026.9.6", 4),
    ] {
        let bench = Bench::new(&pool, version).await;
        let probed = bench.probe().await.unwrap();
        assert_eq!(
            (probed.version.as_str(), probed.protocol),
            (announced, protocol)
        );
        let calls = bench.gateway.calls();
        let methods: Vec<_> = calls.iter().map(|call| call.method.as_str()).collect();
        assert_eq!(methods, ["connect", "health"]);
        let connect = &calls[0].params;
        assert_eq!(
            (&connect["minProtocol"], &connect["maxProtocol"]),
            (&3.into(), &4.into())
        );
        assert_eq!(connect["client"]["id"], "gateway-client");
        assert_eq!(connect["role"], "operator");
        assert!(connect["device"]["nonce"].is_string());
    }
}

/// Params of the newest protocol's published schema: which there are, and which have to be there.
const PARAMS: &str = include_str!("../frames/params.json");

/// Params that gateways of a version accepted, by method.
fn accepted(version: Version) -> Vec<(String, Value)> {
    let recorded = match version {
        Version::V2026_2_9 => include_str!("../frames/2026.2.9.jsonl"),
        Version::V2026_7_1 => include_str!("../frames/2026.7.1.jsonl"),
        Version::V2026_9_6 => include_str!("../frames/2026.9.6.jsonl"),
    };
    recorded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["frame"]["ok"] == true && line["to"]["params"].is_object())
        .map(|line| {
            let method = line["to"]["method"].as_str().unwrap().to_owned();
            (method, line["to"]["params"].clone())
        })
        .collect()
}

/// Everything that the connector can want of a gateway, once.
async fn everything(bench: &Bench) {
    bench.probe().await.unwrap();
    bench.ensure(KEY).await.unwrap();
    bench.gateway.settle();
    let files = [("AGENTS.md", "a"), ("HEARTBEAT.md", "b"), ("SOUL.md", "s")];
    bench.write(&files).await.unwrap();
    bench.read("HEARTBEAT.md").await.unwrap();
    bench.remove_files(&["HEARTBEAT.md"]).await.unwrap();
    bench.send("hello", "k1").await.unwrap();
    bench.agents().await.unwrap();
    bench
        .gateway
        .add_sessions((0..150).map(|number| format!("agent:{KEY}:s{number}")));
    bench.sessions(None, None).await.unwrap();
    bench.sessions(Some(KEY), Some(SESSION)).await.unwrap();
    bench.history(10).await.unwrap();
    bench.skills().await.unwrap();
    bench.reset().await.unwrap();
    bench.remove().await.unwrap();
}

/// What goes out is what the published schema knows, in the types that it wants.
#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn every_request_fits_the_published_schema(pool: PgPool) {
    let schema: Value = serde_json::from_str(PARAMS).unwrap();
    let mut called = BTreeSet::new();
    for version in [Version::V2026_7_1, Version::V2026_9_6] {
        let bench = Bench::new(&pool, version).await;
        everything(&bench).await;
        for call in bench.gateway.calls() {
            let (method, params) = (&call.method, call.params.as_object().unwrap());
            let Some(known) = schema.get(method) else {
                assert_eq!(method, "health", "{method} is in no schema");
                assert!(params.is_empty());
                continue;
            };
            called.insert(method.clone());
            for name in known["required"].as_array().unwrap() {
                let name = name.as_str().unwrap();
                // The newest gateways take a workspace from elsewhere, older ones do not.
                assert!(params.contains_key(name), "{method} lacks {name}");
            }
            for (name, value) in params {
                let kind = known["properties"].get(name);
                let kind = kind.unwrap_or_else(|| panic!("{method} knows no {name}"));
                let fits = match kind.as_str().unwrap_or("any") {
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    _ => true,
                };
                assert!(fits, "{method}.{name} is not {kind}: {value}");
            }
        }
    }
    let unasked: Vec<_> = schema
        .as_object()
        .unwrap()
        .keys()
        .filter(|method| !called.contains(*method))
        .collect();
    assert!(unasked.is_empty(), "{unasked:?} were never called");
}

/// What real gateways of a version accepted has the same names in it as what we send.
#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn requests_are_made_of_what_real_gateways_accepted(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        everything(&bench).await;
        let calls = bench.gateway.calls();
        let mut compared = 0;
        for (method, params) in accepted(version) {
            let ours: Vec<_> = calls.iter().filter(|call| call.method == method).collect();
            if ours.is_empty() || method == "connect" {
                continue;
            }
            // Each name that was recorded is one of ours or may be left out, and where a request was recorded in full the
            // least that we send is in it.
            let least = ours
                .iter()
                .map(|call| call.params.as_object().unwrap())
                .min_by_key(|params| params.len());
            let least = least.unwrap();
            let known = params.as_object().unwrap();
            compared += 1;
            for name in least.keys() {
                // Documented, and tried by hand, though not in what was recorded.
                let extra = ["deliver", "limit", "label", "includeDisabled"];
                assert!(
                    known.contains_key(name) || extra.contains(&name.as_str()),
                    "{version:?}: {method} was not recorded with {name}"
                );
            }
        }
        assert!(compared > 4, "{version:?}: {compared}");
    }
}
