//! A lease while the session that it is for is being opened.

use std::time::Duration;

use gateway_connector::Config;
use simulator::{Simulator, Version};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};

use crate::support::{Bench, config, gateway_config};

/// A lease far shorter than a connection may take.
fn short() -> Config {
    let mut config = config();
    config.connector_lease = Duration::from_secs(1);
    config.gateway_connect_timeout = Duration::from_secs(20);
    config
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_greets_slowly_is_ours_all_the_while(pool: PgPool) {
    let gateway = Simulator::start(gateway_config(Version::V2026_7_1))
        .await
        .unwrap();
    let front = TcpListener::bind(test_ports::free_addr()).await.unwrap();
    let mut bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), short()).await;
    bench.target.url = format!("ws://{}", front.local_addr().unwrap());
    let behind = gateway.addr();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = front.accept().await {
            sleep(Duration::from_millis(2_500)).await;
            let mut far = TcpStream::connect(behind).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    bench.probe().await.unwrap();
    assert_eq!(gateway.accepted(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn who_loses_the_lease_gives_up_connecting(pool: PgPool) {
    let silent = TcpListener::bind(test_ports::free_addr()).await.unwrap();
    let mut bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), short()).await;
    bench.target.url = format!("ws://{}", silent.local_addr().unwrap());
    let blocker = async {
        let (mut connection, _) = silent.accept().await.unwrap();
        let mut blocker = pool.begin().await.unwrap();
        sqlx::query("lock table lease in access exclusive mode")
            .execute(&mut *blocker)
            .await
            .unwrap();
        let since = Instant::now();
        let mut heard = Vec::new();
        let ended = timeout(Duration::from_secs(15), connection.read_to_end(&mut heard)).await;
        assert!(ended.is_ok(), "it connects without a lease");
        since.elapsed()
    };
    let (probed, took) = tokio::join!(bench.probe(), blocker);
    assert_eq!(probed.unwrap_err().reason, "GATEWAY_BUSY");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
