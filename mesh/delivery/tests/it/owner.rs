//! What the owner of a queue can do.

use chassis::{Clock, Server};
use chrono::TimeDelta;
use delivery::{Attempt, New, RecordedOutcome, State};
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::support::{World, noon, policy, sender::Step, until};

#[sqlx::test(migrations = false)]
async fn enqueueing_is_part_of_the_transaction(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let mut tx = world.pool.begin().await.unwrap();
    delivery::enqueue(&mut tx, std::slice::from_ref(&new))
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(delivery::find(&mut conn, new.id).await.unwrap(), None);
    drop(conn);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_repeated_id_does_nothing(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    world.enqueue(std::slice::from_ref(&new)).await;
    let before = world.find(new.id).await;
    let other = New {
        payload: json!({"text": "other"}),
        target: "b".to_owned(),
        ..new.clone()
    };
    let fresh = world.new_to("b");
    world.enqueue(&[other, fresh.clone()]).await;
    assert_eq!(world.find(new.id).await, before);
    let mut conn = world.pool.acquire().await.unwrap();
    let listed = delivery::list_by_ids(&mut conn, &[fresh.id, Uuid::nil(), new.id])
        .await
        .unwrap();
    drop(conn);
    assert_eq!(
        listed
            .iter()
            .map(|delivery| delivery.id)
            .collect::<Vec<_>>(),
        [fresh.id, new.id]
    );
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_dead_or_sent_can_be_delivered_once_more(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let new = New {
        deadline_at: Some(world.clock.now() + TimeDelta::milliseconds(200)),
        ..world.new_to("a")
    };
    world.script.plan(
        new.id,
        [
            Step::Answer(Attempt::dead("gone")),
            Step::Answer(Attempt::retry("not yet")),
        ],
    );
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(policy());
    world.reaches(new.id, State::Dead).await;

    let mut conn = world.pool.acquire().await.unwrap();
    let again = delivery::redeliver(&mut conn, new.id, world.clock.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.state, again.deadline_at), (State::Waiting, None));
    world.reaches(new.id, State::Sent).await;
    delivery::redeliver(&mut conn, new.id, world.clock.now())
        .await
        .unwrap()
        .unwrap();
    until(async || world.outcomes(new.id).await.len() == 4).await;
    assert_eq!(
        world.outcomes(new.id).await,
        [
            (1, RecordedOutcome::Dead),
            (2, RecordedOutcome::Retry),
            (3, RecordedOutcome::Done),
            (4, RecordedOutcome::Done)
        ]
    );
    assert_eq!(
        delivery::redeliver(&mut conn, Uuid::nil(), world.clock.now())
            .await
            .unwrap(),
        None
    );
    drop(conn);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_under_way_cannot_be_delivered_once_more(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let new = world.new_to("a");
    let gate = Arc::new(Semaphore::new(0));
    world.script.plan(new.id, [Step::Wait(gate.clone())]);
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(policy());
    world.reaches(new.id, State::Sending).await;
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(
        delivery::redeliver(&mut conn, new.id, world.clock.now())
            .await
            .unwrap(),
        None
    );
    drop(conn);
    gate.add_permits(1);
    world.reaches(new.id, State::Sent).await;
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_target_that_is_back_gets_what_waits_at_once(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let due_at = noon() + TimeDelta::hours(1);
    let back = New {
        due_at,
        ..world.new_to("back")
    };
    let away = New {
        due_at,
        ..world.new_to("away")
    };
    world.enqueue(&[back.clone(), away.clone()]).await;
    let _worker = world.worker(policy());
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(
        delivery::release(&mut conn, "test", "back", noon())
            .await
            .unwrap(),
        1
    );
    drop(conn);
    world.reaches(back.id, State::Sent).await;
    assert_eq!(world.find(away.id).await.state, State::Waiting);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_target_that_is_gone_takes_its_deliveries_along(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let (gone, other) = (world.new_to("gone"), world.new_to("other"));
    let gate = Arc::new(Semaphore::new(0));
    world.script.plan(gone.id, [Step::Wait(gate.clone())]);
    world.enqueue(&[gone.clone(), other.clone()]).await;
    let _worker = world.worker(policy());
    world.reaches(gone.id, State::Sending).await;
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(
        delivery::discard(&mut conn, "test", "gone").await.unwrap(),
        1
    );
    gate.add_permits(1);
    world.reaches(other.id, State::Sent).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(delivery::find(&mut conn, gone.id).await.unwrap(), None);
    assert!(world.settled(gone.id).await.is_empty());
    drop(conn);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn an_owner_that_cannot_settle_is_asked_again(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    let new = world.new_to("a");
    world.script.refuse_to_settle(2);
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(policy());
    world.reaches(new.id, State::Sent).await;
    assert_eq!(world.settled(new.id).await, ["sent"]);
    assert_eq!(world.script.calls().len(), 1);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_process_works_its_queue_until_it_stops(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    let mut server = Server::for_tests(world.pool.clone(), world.clock.clone());
    delivery::run(
        &mut server,
        "test",
        world.pool.clone(),
        policy(),
        world.script.clone(),
    );
    let running = server.start();
    world.script.takes(Duration::from_millis(200));
    let new = world.new_to("a");
    world.enqueue(std::slice::from_ref(&new)).await;
    world.reaches(new.id, State::Sending).await;
    // What is under way is finished.
    running.stop().await.unwrap();
    assert_eq!(world.find(new.id).await.state, State::Sent);
    world.finish().await;
}
