//! The device key: one per installation, kept sealed, never lost in silence.

use std::path::Path;

use futures::future::join_all;
use gateway_connector::Config;
use proto::gateway::v1::ProbeRequest;
use simulator::Version;
use sqlx::PgPool;

use crate::support::{Bench, config, connector, start};

const OPENCLAW: &str = include_str!("../device.json");

/// Ids of the devices that have met the gateway.
fn devices(bench: &Bench) -> Vec<String> {
    let calls = bench.gateway.calls().into_iter();
    let connects = calls.filter(|call| call.method == "connect");
    connects
        .map(|call| call.params["device"]["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The device that a connector with these options appears with, also where another has kept the database before.
async fn device(pool: &PgPool, config: Config) -> String {
    let bench = Bench::with(
        pool,
        crate::support::gateway_config(Version::V2026_7_1),
        config,
    )
    .await;
    bench.probe().await.unwrap();
    devices(&bench).remove(0)
}

fn theirs() -> String {
    let stored: serde_json::Value = serde_json::from_str(OPENCLAW).unwrap();
    stored["deviceId"].as_str().unwrap().to_owned()
}

fn written(directory: &Path, text: &str) -> std::path::PathBuf {
    let path = directory.join("device.json");
    std::fs::write(&path, text).unwrap();
    path
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_device_stays_the_same_over_restarts(pool: PgPool) {
    let first = device(&pool, config()).await;
    assert_eq!(device(&pool, config()).await, first);
    let sealed: Vec<u8> = sqlx::query_scalar("select key_sealed from device")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(sealed.len() > 32);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn replicas_that_start_at_once_end_with_one_device(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    sqlx::query("delete from device")
        .execute(&pool)
        .await
        .unwrap();
    let replicas = join_all((0..8).map(|_| connector(&pool, config()))).await;
    for (number, (_running, client)) in replicas.iter().enumerate() {
        let mut target = bench.target.clone();
        // Each with a gateway of its own, so that none holds it for another.
        target.gateway_id = format!("gateway {number}");
        let target = Some(target);
        client.clone().probe(ProbeRequest { target }).await.unwrap();
    }
    let mut seen = devices(&bench);
    assert_eq!(seen.len(), 8);
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_device_of_an_openclaw_client_is_taken_over_once(pool: PgPool) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.openclaw_gateway_device_identity_path = Some(written(directory.path(), OPENCLAW));
    assert_eq!(device(&pool, config.clone()).await, theirs());
    // From then on the database counts, whatever becomes of the file.
    std::fs::write(directory.path().join("device.json"), "broken").unwrap();
    assert_eq!(device(&pool, config).await, theirs());
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_device_of_an_earlier_installation_is_taken_over(pool: PgPool) {
    let directory = tempfile::tempdir().unwrap();
    let seed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [5; 32]);
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let id = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(
        key.verifying_key().as_bytes(),
    ));
    let text = serde_json::json!({"version": 1, "device_id": id, "private_key": seed}).to_string();
    let mut config = config();
    config.device_identity_file = Some(written(directory.path(), &text));
    assert_eq!(device(&pool, config).await, id);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_absent_file_of_our_own_is_not_made(pool: PgPool) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.device_identity_file = Some(directory.path().join("device.json"));
    device(&pool, config).await;
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_file_that_cannot_be_taken_over_stops_the_start(pool: PgPool) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.openclaw_gateway_device_identity_path = Some(directory.path().join("none.json"));
    let error = format!("{:#}", start(&pool, config.clone()).await.err().unwrap());
    assert!(
        error.contains("OPENCLAW_GATEWAY_DEVICE_IDENTITY_PATH"),
        "{error}"
    );
    config.openclaw_gateway_device_identity_path = Some(written(directory.path(), "{}"));
    let error = format!("{:#}", start(&pool, config).await.err().unwrap());
    assert!(error.contains("device.json"), "{error}");
    let kept: i64 = sqlx::query_scalar("select count(*) from device")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_key_that_does_not_open_stops_the_start(pool: PgPool) {
    device(&pool, config()).await;
    sqlx::query("update device set key_sealed = 'damaged'")
        .execute(&pool)
        .await
        .unwrap();
    let error = format!("{:#}", start(&pool, config()).await.err().unwrap());
    assert!(error.contains("MC_SEAL_KEY"), "{error}");
}
