//! Several replicas of the connector share gateways: never two sessions to one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use chassis::{Clock, Fault, Peer, Server};
use futures::future::join_all;
use gateway_connector::Config;
use proto::gateway::v1::{
    GetHistoryRequest, ProbeRequest, SendMessageRequest, Target, WatchRequest,
    connector_service_client::ConnectorServiceClient,
};
use simulator::{Simulator, Version};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    ask::{next, next_of},
    support::{KEY, SESSION, answer, config, eventually, gateway_config},
};

/// A connector with a runtime of its own, so that it can be killed, and an address, so that others reach it.
struct Replica {
    connector: ConnectorServiceClient<Peer>,
    address: Url,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl Replica {
    async fn start(pool: &PgPool, config: Config) -> Self {
        Self::start_at(pool, config, test_ports::free_addr(), true).await
    }

    async fn start_at(pool: &PgPool, mut config: Config, at: SocketAddr, advertise: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = (*pool.connect_options()).clone();
        let started = runtime.spawn(async move {
            let pool = PgPoolOptions::new()
                .max_connections(3)
                .connect_with(options)
                .await
                .unwrap();
            let listener = TcpListener::bind(at).await.unwrap();
            let address: Url = format!("http://{}", listener.local_addr().unwrap())
                .parse()
                .unwrap();
            config.connector_advertise_url = advertise.then(|| address.clone());
            let mut server = Server::for_tests(pool, Clock::system());
            gateway_connector::register(&mut server, config)
                .await
                .unwrap();
            let peer = server
                .dialer()
                .replica(gateway_connector::ROLE, &address)
                .unwrap();
            let stop = server.shutdown();
            tokio::spawn(server.run(Some(listener)));
            (peer, address, stop)
        });
        let (peer, address, stop) = started.await.unwrap();
        Self {
            connector: ConnectorServiceClient::new(peer),
            address,
            stop,
            runtime: Some(runtime),
        }
    }

    async fn probe(&self, target: &Target) -> Result<(), Fault> {
        let target = Some(target.clone());
        answer(self.connector.clone().probe(ProbeRequest { target }).await).map(drop)
    }

    /// Probes until that succeeds.
    async fn probe_at_last(&self, target: &Target) -> Duration {
        let started = Instant::now();
        loop {
            match self.probe(target).await {
                Ok(()) => return started.elapsed(),
                Err(fault) => {
                    assert_eq!(fault.reason, "GATEWAY_BUSY", "{fault:?}");
                    assert!(started.elapsed() < Duration::from_secs(30), "{fault:?}");
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it as a kill would: nothing is given back, sockets close.
    fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Stops it in good order.
    fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn short() -> Config {
    let mut config = config();
    config.connector_lease = Duration::from_secs(5);
    config
}

async fn gateway(version: Version) -> (simulator::Running, Target) {
    let gateway = Simulator::start(gateway_config(version)).await.unwrap();
    let target = Target {
        gateway_id: uuid::Uuid::new_v4().to_string(),
        url: gateway.url(),
        token: gateway.config().token.clone(),
        allow_insecure_tls: false,
        disable_device_pairing: false,
    };
    (gateway, target)
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn under_load_from_both_sides_there_is_one_session(pool: PgPool) {
    for version in Version::ALL {
        let (gateway, target) = gateway(version).await;
        gateway.add_agent(KEY, "/srv/w");
        let replicas = [
            Replica::start(&pool, config()).await,
            Replica::start(&pool, config()).await,
        ];
        let calls = (0..80).map(|number| {
            let mut connector = replicas[number % 2].connector.clone();
            let target = Some(target.clone());
            async move {
                let message = SendMessageRequest {
                    target,
                    session_key: SESSION.into(),
                    message: format!("message {number}"),
                    idempotency_key: format!("key {number}"),
                    ..SendMessageRequest::default()
                };
                answer(connector.send_message(message).await)
            }
        });
        for sent in join_all(calls).await {
            sent.unwrap();
        }
        assert_eq!(gateway.messages().len(), 80);
        assert_eq!((gateway.most_connections(), gateway.accepted()), (1, 1));
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn many_first_requests_at_once_find_one_holder(pool: PgPool) {
    let replicas = join_all((0..3).map(|_| Replica::start(&pool, config()))).await;
    for _ in 0..10 {
        let (gateway, target) = gateway(Version::V2026_7_1).await;
        let probes = (0..9).map(|number| replicas[number % 3].probe(&target));
        for probed in join_all(probes).await {
            probed.unwrap();
        }
        assert_eq!((gateway.most_connections(), gateway.accepted()), (1, 1));
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_is_wrong_is_told_through_the_other_replica_as_well(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_9_6).await;
    let (holder, other) = (
        Replica::start(&pool, short()).await,
        Replica::start(&pool, short()).await,
    );
    holder.probe(&target).await.unwrap();
    let history = GetHistoryRequest {
        target: Some(target.clone()),
        session_key: SESSION.into(),
        limit: 0,
    };
    let fault = answer(other.connector.clone().get_history(history.clone()).await).unwrap_err();
    assert_eq!(fault.fields[0].field, "limit");
    // Long answers come through.
    for _ in 0..6 {
        gateway.remember(SESSION, "user", &"x".repeat(450_000));
    }
    let history = GetHistoryRequest {
        limit: 100,
        ..history
    };
    let found = answer(other.connector.clone().get_history(history).await).unwrap();
    assert_eq!(found.messages.len(), 6);
    assert_eq!(gateway.most_connections(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn news_is_passed_on(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_9_6).await;
    let (holder, other) = (
        Replica::start(&pool, short()).await,
        Replica::start(&pool, short()).await,
    );
    holder.probe(&target).await.unwrap();
    let request = WatchRequest {
        target: Some(target.clone()),
    };
    let mut news = answer(other.connector.clone().watch(request).await).unwrap();
    assert_eq!(next(&mut news).await.unwrap().0, "connected");
    gateway.tell("chat", serde_json::json!({"state": "final"}));
    assert_eq!(next_of(&mut news, "chat").await.unwrap()["state"], "final");
    assert_eq!(gateway.most_connections(), 1);
    holder.stop();
    let status = next_of(&mut news, "never").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    // Whoever watches asks again, and the other one takes over.
    other.probe_at_last(&target).await;
    assert_eq!(gateway.most_connections(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_gateways_of_a_killed_replica_are_taken_over_when_its_lease_is_over(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let (holder, other) = (
        Replica::start(&pool, short()).await,
        Replica::start(&pool, short()).await,
    );
    holder.probe(&target).await.unwrap();
    other.probe(&target).await.unwrap();
    holder.kill();
    let fault = other.probe(&target).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_BUSY");
    let after = fault.retry_after.unwrap();
    assert!(
        after > Duration::ZERO && after <= Duration::from_secs(5),
        "{after:?}"
    );
    let took = other.probe_at_last(&target).await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(gateway.most_connections(), 1);
    assert!(gateway.accepted() >= 2);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_replica_that_stops_gives_its_gateways_back(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let mut slow = short();
    slow.connector_lease = Duration::from_secs(120);
    let (holder, other) = (
        Replica::start(&pool, slow.clone()).await,
        Replica::start(&pool, slow).await,
    );
    holder.probe(&target).await.unwrap();
    holder.stop();
    // Until it has ended its session it answers for the other.
    eventually("the holder ends its session", || gateway.connections() == 0).await;
    other.probe_at_last(&target).await;
    assert_eq!(gateway.most_connections(), 1);
    assert!(gateway.accepted() >= 2);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_replica_that_comes_back_to_its_address_takes_over_at_once(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let mut slow = short();
    slow.connector_lease = Duration::from_secs(120);
    let holder = Replica::start(&pool, slow.clone()).await;
    holder.probe(&target).await.unwrap();
    let address = holder.address.clone();
    holder.kill();
    eventually("the session of the dead ends", || {
        gateway.connections() == 0
    })
    .await;
    let at = (Ipv4Addr::LOCALHOST, address.port().unwrap()).into();
    let again = Replica::start_at(&pool, slow, at, true).await;
    again.probe(&target).await.unwrap();
    assert_eq!(gateway.most_connections(), 1);
    assert!(gateway.accepted() >= 2);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_process_that_is_alone_waits_for_nobody(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let mut alone = short();
    alone.connector_lease = Duration::from_secs(120);
    alone.alone = true;
    let first = Replica::start_at(&pool, alone.clone(), test_ports::free_addr(), false).await;
    first.probe(&target).await.unwrap();
    first.kill();
    let second = Replica::start_at(&pool, alone, test_ports::free_addr(), false).await;
    second.probe(&target).await.unwrap();
    assert_eq!(gateway.accepted(), 2);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_holder_that_nobody_can_reach_is_waited_for(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let holder = Replica::start_at(&pool, short(), test_ports::free_addr(), false).await;
    let other = Replica::start(&pool, short()).await;
    holder.probe(&target).await.unwrap();
    let fault = other.probe(&target).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_BUSY");
    assert!(fault.retry_after.is_some());
    holder.probe(&target).await.unwrap();
    assert_eq!(gateway.accepted(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_lease_that_is_lost_closes_the_session(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let holder = Replica::start(&pool, short()).await;
    holder.probe(&target).await.unwrap();
    let request = WatchRequest {
        target: Some(target.clone()),
    };
    let mut news = answer(holder.connector.clone().watch(request).await).unwrap();
    next_of(&mut news, "connected").await.unwrap();
    sqlx::query("update lease set instance_id = gen_random_uuid(), address = '', expires_at = now() + interval '1 hour'")
        .execute(&pool)
        .await
        .unwrap();
    let status = next_of(&mut news, "never").await.unwrap_err();
    assert_eq!(chassis::fault::read(&status).reason, "GATEWAY_BUSY");
    eventually("the session closes", || gateway.connections() == 0).await;
    assert_eq!(
        holder.probe(&target).await.unwrap_err().reason,
        "GATEWAY_BUSY"
    );
    assert_eq!(gateway.accepted(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_lease_that_cannot_be_renewed_closes_the_session_in_time(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let holder = Replica::start(&pool, short()).await;
    holder.probe(&target).await.unwrap();
    let mut blocker = pool.begin().await.unwrap();
    sqlx::query("lock table lease in access exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let since = Instant::now();
    eventually("the session closes", || gateway.connections() == 0).await;
    // The term itself, and what a busy machine needs on top.
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
    drop(blocker);
    holder.probe_at_last(&target).await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_request_is_passed_on_once(pool: PgPool) {
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let (one, two) = (
        Replica::start(&pool, short()).await,
        Replica::start(&pool, short()).await,
    );
    // A holder that is gone, at the address of one that knows nothing of it.
    let insert =
        "insert into lease values ($1, gen_random_uuid(), $2, 1, now() + interval '1 hour')";
    sqlx::query(insert)
        .bind(&target.gateway_id)
        .bind(two.address.as_str())
        .execute(&pool)
        .await
        .unwrap();
    let started = Instant::now();
    let fault = one.probe(&target).await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_BUSY");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(gateway.accepted(), 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn leases_are_renewed_for_as_long_as_the_session_lives_and_given_back_after(pool: PgPool) {
    let mut config = short();
    config.gateway_idle_after = Duration::from_secs(12);
    let (gateway, target) = gateway(Version::V2026_7_1).await;
    let holder = Replica::start(&pool, config).await;
    holder.probe(&target).await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(gateway.connections(), 1, "renewed over its term");
    for _ in 0..1000 {
        let live: i64 = sqlx::query_scalar("select count(*) from lease where expires_at > now()")
            .fetch_one(&pool)
            .await
            .unwrap();
        if live == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the lease was not given back");
}
