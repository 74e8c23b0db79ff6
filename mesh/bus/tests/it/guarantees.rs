//! What holds when nothing goes wrong.

use async_trait::async_trait;
use chassis::context::{self, Context};
use proto::event::v1::Event;
use sqlx::PgConnection;

use crate::support::{World, event, events, handlers::Recorder, ids, on_both_transports, until};

on_both_transports!(
    order_holds_within_a_group,
    every_group_gets_every_event_it_subscribed_to,
    a_repeated_event_has_one_effect,
    a_rollback_tells_nothing,
    what_is_told_while_the_consumer_is_away_arrives_later,
    a_new_group_starts_with_its_registration,
    of_two_consumers_of_a_group_one_is_active,
    a_follow_up_carries_the_request_on,
);

async fn order_holds_within_a_group(world: World) {
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let singles = events(50);
    world.tell(&singles).await;
    let together = events(300);
    let mut tx = world.pool.begin().await.unwrap();
    bus::outbox::append_all(&mut tx, together.clone())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        world.effects_after("a", 350).await,
        [ids(&singles), ids(&together)].concat()
    );
    until(async || world.pending().await == 0).await;
}

async fn every_group_gets_every_event_it_subscribed_to(world: World) {
    let _relay = world.relay();
    let _all = world.consumer("all", &["#"], Recorder::new("all")).await;
    let _some = world
        .consumer(
            "some",
            &["task.*", "agent.token_changed"],
            Recorder::new("some"),
        )
        .await;
    let _none = world
        .consumer("none", &["task.*", "agent"], Recorder::new("none"))
        .await;
    let told = events(5);
    world.tell(&told).await;
    assert_eq!(world.effects_after("all", 5).await, ids(&told));
    assert_eq!(world.effects_after("some", 5).await, ids(&told));
    assert!(world.effects("none").await.is_empty());
}

async fn a_repeated_event_has_one_effect(world: World) {
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let [once, twice, last] = [event(), event(), event()];
    world.tell(&[twice.clone(), once.clone()]).await;
    world.effects_after("a", 2).await;
    let mut tx = world.pool.begin().await.unwrap();
    let again = vec![twice.clone(), last.clone(), last.clone()];
    bus::outbox::append_all(&mut tx, again).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.effects_after("a", 3).await, ids(&[twice, once, last]));
}

async fn a_rollback_tells_nothing(world: World) {
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    let mut tx = world.pool.begin().await.unwrap();
    bus::outbox::append(&mut tx, event()).await.unwrap();
    tx.rollback().await.unwrap();
    let told = events(1);
    world.tell(&told).await;
    assert_eq!(world.effects_after("a", 1).await, ids(&told));
}

async fn what_is_told_while_the_consumer_is_away_arrives_later(world: World) {
    let _relay = world.relay();
    world
        .consumer("a", &["#"], Recorder::new("a"))
        .await
        .kill()
        .await;
    let told = events(120);
    world.tell(&told).await;
    until(async || world.pending().await == 0).await;
    assert!(world.effects("a").await.is_empty());
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    assert_eq!(world.effects_after("a", 120).await, ids(&told));
}

async fn a_new_group_starts_with_its_registration(world: World) {
    let _relay = world.relay();
    let _old = world.consumer("old", &["#"], Recorder::new("old")).await;
    world.tell(&events(3)).await;
    until(async || world.pending().await == 0).await;
    let _new = world.consumer("new", &["#"], Recorder::new("new")).await;
    let told = events(2);
    world.tell(&told).await;
    assert_eq!(world.effects_after("new", 2).await, ids(&told));
    assert_eq!(world.effects_after("old", 5).await.len(), 5);
}

async fn of_two_consumers_of_a_group_one_is_active(world: World) {
    let _relay = world.relay();
    let first = world.consumer("a", &["#"], Recorder::new("a")).await;
    let _second = world.consumer("a", &["#"], Recorder::new("a")).await;
    let before = events(100);
    world.tell(&before).await;
    assert_eq!(world.effects_after("a", 100).await, ids(&before));
    first.kill().await;
    let after = events(100);
    world.tell(&after).await;
    assert_eq!(
        world.effects_after("a", 200).await,
        ids(&[before, after].concat())
    );
}

async fn a_follow_up_carries_the_request_on(world: World) {
    struct Echo;

    #[async_trait]
    impl bus::Handler for Echo {
        async fn handle(&self, tx: &mut PgConnection, cause: &Event) -> anyhow::Result<()> {
            let follow_up = event();
            let outcome = format!(
                "{} after {}",
                follow_up.request_id.unwrap_or_default(),
                cause.id
            );
            sqlx::query("insert into effect (consumer_group, event_id) values ('echo', $1)")
                .bind(outcome)
                .execute(tx)
                .await?;
            Ok(())
        }
    }

    let _relay = world.relay();
    let _consumer = world.consumer("echo", &["#"], Echo).await;
    let context = Context {
        request_id: Some("request-1".to_owned()),
        traceparent: None,
    };
    let cause = context::scope(context, async { event() }).await;
    world.tell(std::slice::from_ref(&cause)).await;
    assert_eq!(
        world.effects_after("echo", 1).await,
        [format!("request-1 after {}", cause.id)]
    );
}
