//! The bus as a part of a process.

use bus::Subscription;
use chassis::{Clock, Server};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{World, events, handlers::Recorder, ids, until};

const AGENTS: Subscription = Subscription {
    group: "a",
    topics: &["agent.*"],
};

#[sqlx::test(migrations = false)]
async fn a_process_relays_and_consumes_until_it_stops(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::on_postgres(options).await;
    let mut server = Server::for_tests(world.pool.clone(), Clock::system());
    let bus = bus::Bus::connect(&mut server, bus::Config::default())
        .await
        .unwrap();
    bus.relay(&mut server, "test", world.pool.clone());
    let handler = Recorder::new("a");
    bus.consume(&mut server, AGENTS, world.pool.clone(), handler)
        .await
        .unwrap();
    let told = events(3);
    let running = server.start();
    world.tell(&told).await;
    assert_eq!(world.effects_after("a", 3).await, ids(&told));
    until(async || world.pending().await == 0).await;
    running.stop().await.unwrap();
    world.tell(&events(1)).await;
    assert_eq!(world.pending().await, 1);
    assert_eq!(world.effects_after("a", 3).await, ids(&told));
    world.pool.close().await;
}

#[sqlx::test(migrations = false)]
async fn malformed_names_are_refused(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::on_postgres(options).await;
    for group in ["", "A", "a b", "a'b", "a..b"] {
        let malformed = Subscription {
            group,
            topics: &["#"],
        };
        assert!(world.bus.register(&[malformed]).await.is_err(), "{group}");
    }
    let malformed = Subscription {
        group: "a",
        topics: &["task created"],
    };
    assert!(world.bus.register(&[malformed]).await.is_err());
    assert!(bus::Bus::rabbitmq("http://nowhere".to_owned().into(), "").is_err());
    world.pool.close().await;
}
