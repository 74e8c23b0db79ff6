//! Frames in the shape in which gateways of each version send them.

use simulator::Version;
use sqlx::PgPool;

use crate::support::Bench;

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
