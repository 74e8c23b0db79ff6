//! What `migrate` leaves behind, on either transport.

use std::time::Duration;

use bus::{Config, Subscription};
use chassis::db::Database;
use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support::{World, events, handlers::Recorder, ids, until};

const EARLY: Subscription = Subscription {
    group: "early",
    topics: &["#"],
};
const LATE: Subscription = Subscription {
    group: "late",
    topics: &["task.*", "agent.*"],
};
const ALL: [Subscription; 2] = [EARLY, LATE];

/// How an installation reaches the database of a test.
fn database(pool: &PgPool) -> Database {
    Database {
        url: pool.connect_options().to_url_lossy().to_string().into(),
        max_connections: 2,
        slow: Duration::ZERO,
    }
}

fn config(world: &World) -> Config {
    match &world.broker {
        None => Config::default(),
        Some(broker) => Config {
            amqp_url: Some(broker.url()),
            amqp_prefix: broker.prefix.clone(),
        },
    }
}

/// What is told before a consumer has ever run reaches it nevertheless.
async fn a_group_misses_nothing_from_the_installation_on(world: World) {
    if let Some(broker) = &world.broker {
        ALL.iter().for_each(|known| broker.remember(known.group));
    }
    let (database, config) = (database(&world.pool), config(&world));
    // Twice, as an upgrade does.
    for _ in 0..2 {
        bus::migrate(&database, &config, &ALL).await.unwrap();
    }
    let told = events(20);
    world.tell(&told).await;
    let _relay = world.relay();
    until(async || world.pending().await == 0).await;
    for Subscription { group, topics } in ALL {
        let _consumer = world.consumer(group, topics, Recorder::new(group)).await;
        assert_eq!(world.effects_after(group, 20).await, ids(&told));
    }
}

#[sqlx::test(migrations = false)]
async fn on_postgres(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::bare(options).await;
    world
        .run(a_group_misses_nothing_from_the_installation_on)
        .await;
}

#[sqlx::test(migrations = false)]
async fn on_rabbitmq(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::on_rabbitmq(options).await;
    world
        .run(a_group_misses_nothing_from_the_installation_on)
        .await;
}

#[sqlx::test(migrations = false)]
async fn what_is_not_registered_is_pending(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::bare(options).await;
    let (database, config) = (database(&world.pool), Config::default());
    let pending =
        async |known: &[Subscription]| bus::pending(&database, &config, known).await.unwrap();
    assert!(pending(&[]).await > 0, "the tables are missing");
    bus::migrate(&database, &config, &[EARLY]).await.unwrap();
    assert_eq!(pending(&[EARLY]).await, 0);
    assert_eq!(pending(&ALL).await, 1);

    bus::migrate(&database, &config, &ALL).await.unwrap();
    assert_eq!(pending(&ALL).await, 0);
    let more = Subscription {
        topics: &["agent.*", "task.*", "board.*"],
        ..LATE
    };
    assert_eq!(pending(&[EARLY, more]).await, 1, "a topic is new");
    let fewer = Subscription {
        topics: &["task.*"],
        ..LATE
    };
    assert_eq!(
        pending(&[fewer]).await,
        0,
        "what is too much is left out at the start"
    );
    world.pool.close().await;
}
