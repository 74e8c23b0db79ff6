//! Sessions: one per gateway, kept, reopened, closed, replaced.

use std::time::Duration;

use futures::future::join_all;
use simulator::{Failure, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::support::{Bench, TOKEN, config, eventually, gateway_config};

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn many_callers_share_one_connection(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let probes = join_all((0..40).map(|_| bench.probe())).await;
    assert!(probes.iter().all(Result::is_ok));
    assert_eq!(
        (bench.gateway.accepted(), bench.gateway.count("health")),
        (1, 40)
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_session_that_is_cut_comes_back_by_itself(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.probe().await.unwrap();
    for connection in 2..4 {
        bench.gateway.drop_connections();
        eventually("a new connection", || {
            bench.gateway.accepted() == connection
        })
        .await;
        eventually("it is open", || bench.gateway.connections() == 1).await;
    }
    bench.probe().await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_restart_is_survived(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.probe().await.unwrap();
    bench.gateway.restart().await;
    bench.probe().await.unwrap();
    assert_eq!(bench.gateway.connections(), 1);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_is_down_is_unreachable_until_it_is_up(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.gateway.refuse_connections(true);
    assert_eq!(
        bench.probe().await.unwrap_err().reason,
        "GATEWAY_UNREACHABLE"
    );
    bench.gateway.refuse_connections(false);
    bench.probe().await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn nobody_listening_is_unreachable(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    let Bench {
        gateway,
        connector,
        target,
        ..
    } = &bench;
    let mut target = target.clone();
    target.url = format!("ws://{}", test_ports::free_addr());
    assert_ne!(target.url, gateway.url());
    let request = proto::gateway::v1::ProbeRequest {
        target: Some(target),
    };
    let fault = crate::support::answer(connector.clone().probe(request).await).unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_UNREACHABLE");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_is_starting_is_waited_for(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.gateway.starting(2);
    bench.probe().await.unwrap();
    assert_eq!(bench.gateway.accepted(), 3);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_silent_gateway_is_left_and_tried_again(pool: PgPool) {
    let gateway = SimulatorConfig {
        tick_interval: Duration::from_millis(500),
        ..gateway_config(Version::V2026_7_1)
    };
    let bench = Bench::with(&pool, gateway, config()).await;
    bench.probe().await.unwrap();
    // Twice the pace is the limit of silence; only ticks carry the session past it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.gateway.accepted(), 1, "ticks keep the session alive");
    bench.gateway.silence(true);
    eventually("a second connection", || bench.gateway.accepted() > 1).await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_idle_session_is_closed_and_opened_again_on_demand(pool: PgPool) {
    let mut config = config();
    config.gateway_idle_after = Duration::from_millis(200);
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    bench.probe().await.unwrap();
    eventually("the session closes", || bench.gateway.connections() == 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.gateway.accepted(), 1, "nobody asked for another");
    bench.probe().await.unwrap();
    assert_eq!(bench.gateway.accepted(), 2);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn another_token_replaces_the_session(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.token = Some("wrong".into());
    assert_eq!(
        bench.probe().await.unwrap_err().reason,
        "GATEWAY_UNAUTHORIZED"
    );
    bench.target.token = Some(TOKEN.into());
    bench.probe().await.unwrap();
    bench.target.url.push_str("/ws");
    bench.probe().await.unwrap();
    eventually("only one session is left", || {
        bench.gateway.connections() == 1
    })
    .await;
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_request_without_an_answer_times_out_alone(pool: PgPool) {
    let mut config = config();
    config.gateway_request_timeout = Duration::from_secs(2);
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    bench.probe().await.unwrap();
    bench.gateway.hang("health", 1);
    let started = std::time::Instant::now();
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_TIMEOUT");
    assert!(started.elapsed() < Duration::from_secs(10));
    bench.probe().await.unwrap();
    assert_eq!(bench.gateway.accepted(), 1, "the session survives");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn answers_find_their_question_in_any_order(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.probe().await.unwrap();
    bench.gateway.delay(Some(Duration::from_secs(2)));
    let order = std::sync::Mutex::new(Vec::new());
    let slow = async {
        bench.probe().await.unwrap();
        order.lock().unwrap().push("first asked");
    };
    let fast = async {
        while bench.gateway.count("health") < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bench.gateway.delay(None);
        bench.probe().await.unwrap();
        order.lock().unwrap().push("second asked");
    };
    tokio::join!(slow, fast);
    assert_eq!(*order.lock().unwrap(), ["second asked", "first asked"]);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn no_more_requests_than_allowed_are_in_flight(pool: PgPool) {
    let mut config = config();
    config.gateway_max_in_flight = 2;
    config.gateway_request_timeout = Duration::from_secs(3);
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    bench.probe().await.unwrap();
    bench.gateway.delay(Some(Duration::from_millis(250)));
    let started = std::time::Instant::now();
    let four = join_all((0..4).map(|_| bench.probe())).await;
    assert!(four.iter().all(Result::is_ok), "{four:?}");
    assert!(
        started.elapsed() >= Duration::from_millis(500),
        "two at a time take two rounds"
    );
    // Places for two and an answer every 250 ms: of sixty, most cannot be served within three seconds.
    let sixty = join_all((0..60).map(|_| bench.probe())).await;
    let busy = sixty
        .iter()
        .filter_map(|probe| probe.as_ref().err())
        .map(|fault| fault.reason.as_str());
    let busy: Vec<_> = busy.collect();
    assert!(busy.contains(&"GATEWAY_BUSY"), "{busy:?}");
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_passing_refusal_is_tried_again(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.gateway.fail(
        "health",
        2,
        Failure::unavailable("Session patch failed unexpectedly. Retry the request."),
    );
    bench.probe().await.unwrap();
    let later = Failure::unavailable("later").retry_after(Duration::from_secs(40));
    bench.gateway.fail("health", 1, later);
    let fault = bench.probe().await.unwrap_err();
    assert_eq!(
        (fault.reason.as_str(), fault.retry_after),
        ("GATEWAY_BUSY", Some(Duration::from_secs(40)))
    );
}
