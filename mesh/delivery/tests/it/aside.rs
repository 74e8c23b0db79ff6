//! What an owner can do with many deliveries at once: put them aside, deliver them once more, forget them.

use chassis::Clock;
use chrono::TimeDelta;
use delivery::{New, State};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

use crate::support::{QUEUE, World, noon, policy, sender::Step};

#[sqlx::test(migrations = false)]
async fn what_is_put_aside_waits_without_an_attempt_until_it_is_taken_up(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let later = New {
        due_at: noon() + TimeDelta::hours(1),
        ..world.new_to("a")
    };
    let under_way = world.new_to("a");
    let gate = Arc::new(Semaphore::new(0));
    world
        .script
        .plan(under_way.id, [Step::Wait(Arc::clone(&gate))]);
    world.enqueue(&[later.clone(), under_way.clone()]).await;
    let _worker = world.worker(policy());
    world.reaches(under_way.id, State::Sending).await;

    let ids = [later.id, under_way.id];
    let mut conn = world.pool.acquire().await.unwrap();
    let moved = delivery::reassign(&mut conn, &ids, "aside", noon())
        .await
        .unwrap();
    assert_eq!(moved, 1);
    gate.add_permits(1);
    world.reaches(under_way.id, State::Sent).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = world.find(later.id).await;
    assert_eq!((waiting.state, waiting.attempts), (State::Waiting, 0));

    let moved = delivery::reassign(&mut conn, &ids, QUEUE, noon())
        .await
        .unwrap();
    assert_eq!(moved, 1);
    drop(conn);
    world.reaches(later.id, State::Sent).await;
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn any_number_is_delivered_once_more_or_forgotten(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let (one, two) = (world.new_to("a"), world.new_to("b"));
    world.enqueue(&[one.clone(), two.clone()]).await;
    let worker = world.worker(policy());
    for new in [&one, &two] {
        world.reaches(new.id, State::Sent).await;
    }
    worker.kill().await;
    let deadline_at = Some(noon() + TimeDelta::hours(2));
    let mut conn = world.pool.acquire().await.unwrap();
    let again = delivery::redeliver_all(&mut conn, &[one.id, two.id], noon(), deadline_at)
        .await
        .unwrap();
    assert_eq!(again.len(), 2);
    assert!(
        again
            .iter()
            .all(|delivery| delivery.state == State::Waiting && delivery.deadline_at == deadline_at)
    );
    let gone = delivery::discard_all(&mut conn, &[one.id]).await.unwrap();
    assert_eq!(gone, 1);
    assert_eq!(delivery::find(&mut conn, one.id).await.unwrap(), None);
    let left: Vec<uuid::Uuid> =
        sqlx::query_scalar("select distinct delivery_id from delivery_attempt")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    assert_eq!(left, [two.id]);
    drop(conn);
    world.finish().await;
}
