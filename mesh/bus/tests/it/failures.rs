//! What happens to events that a handler fails on.

use crate::support::{World, events, handlers::Recorder, ids, on_both_transports, until};

on_both_transports!(
    an_event_that_fails_for_a_while_steps_aside_and_succeeds,
    poison_is_parked_and_others_pass,
    a_panic_is_a_failure_like_another,
    what_cannot_be_read_is_parked_at_once,
);

fn without(all: &[String], one: &str) -> Vec<String> {
    all.iter().filter(|id| *id != one).cloned().collect()
}

async fn an_event_that_fails_for_a_while_steps_aside_and_succeeds(world: World) {
    let told = events(10);
    let _relay = world.relay();
    let handler = Recorder::new("a").failing(&told[3], 2 + 1);
    let _consumer = world.consumer("a", &["#"], handler).await;
    world.tell(&told).await;
    let effects = world.effects_after("a", 10).await;
    assert_eq!(effects.len(), 10);
    assert_eq!(
        without(&effects, &told[3].id),
        without(&ids(&told), &told[3].id)
    );
    assert!(world.bus.parked("a", 10).await.unwrap().is_empty());
}

async fn poison_is_parked_and_others_pass(world: World) {
    let told = events(10);
    let _relay = world.relay();
    let handler = Recorder::new("a").failing(&told[0], usize::MAX);
    let _consumer = world.consumer("a", &["#"], handler.clone()).await;
    world.tell(&told).await;
    until(async || !world.bus.parked("a", 10).await.unwrap().is_empty()).await;
    assert_eq!(world.effects_after("a", 9).await, ids(&told[1..]));

    // Looking changes nothing.
    for _ in 0..2 {
        let parked = world.bus.parked("a", 10).await.unwrap();
        let seen: Vec<_> = parked
            .iter()
            .map(|parked| {
                (
                    parked.event_id.to_string(),
                    parked.topic.as_str(),
                    parked.attempts,
                    parked.error.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [(
                told[0].id.clone(),
                "agent.token_changed",
                4,
                "a handler that fails"
            )]
        );
    }

    handler.mend();
    assert_eq!(world.bus.replay("a").await.unwrap(), 1);
    assert_eq!(world.effects_after("a", 10).await.last(), Some(&told[0].id));
    assert!(world.bus.parked("a", 10).await.unwrap().is_empty());
    assert_eq!(world.bus.replay("a").await.unwrap(), 0);
}

async fn a_panic_is_a_failure_like_another(world: World) {
    let told = events(4);
    let _relay = world.relay();
    let handler = Recorder::new("a").failing(&told[1], usize::MAX).panicking();
    let _consumer = world.consumer("a", &["#"], handler).await;
    world.tell(&told).await;
    until(async || !world.bus.parked("a", 10).await.unwrap().is_empty()).await;
    assert_eq!(
        world.effects_after("a", 3).await,
        without(&ids(&told), &told[1].id)
    );
    assert_eq!(
        world.bus.parked("a", 10).await.unwrap()[0].error,
        "the handler panicked"
    );
}

async fn what_cannot_be_read_is_parked_at_once(world: World) {
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Recorder::new("a")).await;
    sqlx::query(
        "insert into outbox (event_id, topic, payload)
         values ('00000000-0000-0000-0000-000000000007', 'task.created', '\\xffff')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let told = events(1);
    world.tell(&told).await;
    assert_eq!(world.effects_after("a", 1).await, ids(&told));
    until(async || !world.bus.parked("a", 10).await.unwrap().is_empty()).await;
    let parked = world.bus.parked("a", 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].event_id.as_u128(), 7);
    assert_eq!(parked[0].payload, [0xff, 0xff]);
    assert_eq!(parked[0].attempts, 1);
}
