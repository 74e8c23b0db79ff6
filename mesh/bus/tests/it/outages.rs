//! Connections that break: everybody recovers by himself.

use std::time::Duration;

use sqlx::PgPool;

use crate::support::{World, events, handlers::Recorder, ids, on_both_transports, until};

on_both_transports!(everybody_survives_the_loss_of_every_database_connection);

async fn everybody_survives_the_loss_of_every_database_connection(world: World) {
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let mut told = events(20);
    world.tell(&told).await;
    world.effects_after("a", 20).await;
    for _ in 0..3 {
        cut(&world.pool).await;
        let more = events(20);
        let mut tx = until_some(async || world.pool.begin().await.ok()).await;
        bus::outbox::append_all(&mut tx, more.clone())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        told.extend(more);
        assert_eq!(world.effects_after("a", told.len()).await, ids(&told));
    }
    until(async || world.pending().await == 0).await;
}

/// Ends every session of this database but one.
async fn cut(pool: &PgPool) {
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(pool)
    .await
    .unwrap();
}

async fn until_some<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[sqlx::test(migrations = false)]
async fn everybody_survives_the_loss_of_the_broker(
    _: sqlx::postgres::PgPoolOptions,
    options: sqlx::postgres::PgConnectOptions,
) {
    World::on_rabbitmq(options).await.run(lose_the_broker).await;
}

async fn lose_the_broker(world: World) {
    let broker = world.broker.clone().unwrap();
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let mut told = events(20);
    world.tell(&told).await;
    world.effects_after("a", 20).await;
    for _ in 0..2 {
        broker.cut();
        let more = events(20);
        world.tell(&more).await;
        told.extend(more);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(world.pending().await > 0, "nothing gets through a cut");
        broker.mend();
        assert_eq!(world.effects_after("a", told.len()).await, ids(&told));
    }
    until(async || world.pending().await == 0).await;
}
