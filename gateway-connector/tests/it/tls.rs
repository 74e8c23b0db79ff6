//! Certificates: trusted, or explicitly not asked for.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use simulator::{SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, config, gateway_config};

pub(crate) fn self_signed() -> Arc<ServerConfig> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_certificate_of_its_own_making_needs_the_flag(pool: PgPool) {
    for version in [Version::V2026_2_9, Version::V2026_9_6] {
        let gateway = SimulatorConfig {
            tls: Some(self_signed()),
            ..gateway_config(version)
        };
        let mut bench = Bench::with(&pool, gateway, config()).await;
        assert_eq!(bench.probe().await.unwrap_err().reason, "GATEWAY_TLS");
        bench.target.allow_insecure_tls = true;
        bench.probe().await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn speaking_plainly_to_a_gateway_with_tls_and_the_other_way_round_fails_clearly(
    pool: PgPool,
) {
    let gateway = SimulatorConfig {
        tls: Some(self_signed()),
        ..gateway_config(Version::V2026_7_1)
    };
    let mut bench = Bench::with(&pool, gateway, config()).await;
    bench.target.url = bench.target.url.replace("wss:", "ws:");
    assert_eq!(
        bench.probe().await.unwrap_err().reason,
        "GATEWAY_UNREACHABLE"
    );

    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.url = bench.target.url.replace("ws:", "wss:");
    assert_eq!(
        bench.probe().await.unwrap_err().reason,
        "GATEWAY_UNREACHABLE"
    );
}
