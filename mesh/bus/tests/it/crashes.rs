//! Killed in the middle: nothing is lost, every effect happens once.

use std::time::Duration;

use crate::support::{World, events, handlers::Recorder, ids, on_both_transports, until};

on_both_transports!(
    a_consumer_killed_in_the_middle_of_a_batch_loses_nothing,
    a_consumer_killed_over_and_over_has_every_effect_once,
    a_relay_killed_between_publishing_and_deleting_repeats_without_effect,
    a_relay_killed_over_and_over_loses_nothing,
);

async fn a_consumer_killed_in_the_middle_of_a_batch_loses_nothing(world: World) {
    let told = events(60);
    world
        .consumer("a", &["#"], Recorder::new("a"))
        .await
        .kill()
        .await;
    world.tell(&told).await;
    let _relay = world.relay();
    until(async || world.pending().await == 0).await;

    let handler = Recorder::new("a").stuck_at(&told[30]);
    let reached = handler.reached.clone();
    let consumer = world.consumer("a", &["#"], handler).await;
    reached.acquire().await.unwrap().forget();
    consumer.kill().await;
    let effects = world.effects("a").await;
    assert_eq!(effects, ids(&told[..effects.len()]));
    assert!(effects.len() <= 30, "half a batch has no effect");

    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    assert_eq!(world.effects_after("a", 60).await, ids(&told));
}

async fn a_consumer_killed_over_and_over_has_every_effect_once(world: World) {
    let told = events(400);
    let _relay = world.relay();
    let killer = async {
        for round in 0..12 {
            let consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
            tokio::time::sleep(Duration::from_millis(7 * round)).await;
            consumer.kill().await;
        }
        world.consumer("a", &["#"], Recorder::new("a")).await
    };
    // The group exists before the first event does.
    world
        .consumer("a", &["#"], Recorder::new("a"))
        .await
        .kill()
        .await;
    let ((), _consumer) = tokio::join!(world.tell(&told), killer);
    assert_eq!(world.effects_after("a", 400).await, ids(&told));
}

async fn a_relay_killed_between_publishing_and_deleting_repeats_without_effect(world: World) {
    let told = events(3);
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    world.tell(&told).await;

    // Whoever locks the rows lets the relay read and publish them, but not delete.
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("select from outbox for update")
        .execute(&mut *lock)
        .await
        .unwrap();
    let relay = world.relay();
    world.effects_after("a", 3).await;
    relay.kill().await;
    // The server is still busy with what the dead relay asked for.
    sqlx::query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity
         where datname = current_database() and query like 'delete from outbox%'",
    )
    .execute(&mut *lock)
    .await
    .unwrap();
    lock.rollback().await.unwrap();
    assert_eq!(world.pending().await, 3);

    let _relay = world.relay();
    let last = events(1);
    world.tell(&last).await;
    assert_eq!(
        world.effects_after("a", 4).await,
        ids(&[told, last].concat())
    );
    until(async || world.pending().await == 0).await;
}

async fn a_relay_killed_over_and_over_loses_nothing(world: World) {
    let told = events(400);
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let killer = async {
        for round in 0..12 {
            let relay = world.relay();
            tokio::time::sleep(Duration::from_millis(7 * round)).await;
            relay.kill().await;
        }
        world.relay()
    };
    let ((), _relay) = tokio::join!(world.tell(&told), killer);
    assert_eq!(world.effects_after("a", 400).await, ids(&told));
    until(async || world.pending().await == 0).await;
}
