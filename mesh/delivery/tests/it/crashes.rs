//! Killed in the middle, cut off, and risen again.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use chassis::Clock;
use chrono::TimeDelta;
use delivery::{Attempt, Policy, RecordedOutcome, State};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::support::{LEASE, World, noon, patient, policy, sender::Step, until};

#[sqlx::test(migrations = false)]
async fn an_attempt_whose_worker_dies_is_made_again_after_its_lease(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let new = world.new_to("a");
    world
        .script
        .plan(new.id, [Step::Wait(Arc::new(Semaphore::new(0)))]);
    world.enqueue(std::slice::from_ref(&new)).await;
    let doomed = world.worker(patient());
    until(async || !world.script.calls().is_empty()).await;
    doomed.kill().await;
    let killed_at = world.clock.now();
    assert_eq!(world.find(new.id).await.state, State::Sending);

    let _worker = world.worker(patient());
    let sent = world.reaches(new.id, State::Sent).await;
    assert_eq!((sent.attempts, sent.fence), (2, 2));
    assert_eq!(
        world.outcomes(new.id).await,
        [(1, RecordedOutcome::Lost), (2, RecordedOutcome::Done)]
    );
    let attempts = world.attempts(new.id).await;
    let lease = attempts[1].started_at - attempts[0].started_at;
    assert!(lease >= TimeDelta::from_std(LEASE).unwrap(), "{lease}");
    let idle = attempts[1].started_at - killed_at;
    let soon = LEASE + Duration::from_secs(5);
    assert!(idle <= TimeDelta::from_std(soon).unwrap(), "{idle}");
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn an_attempt_that_takes_longer_than_a_lease_is_made_once(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let new = [world.new_to("a"), world.new_to("b")];
    let gate = Arc::new(Semaphore::new(0));
    for new in &new {
        world.script.plan(new.id, [Step::Wait(gate.clone())]);
    }
    world.enqueue(&new).await;
    let holder = CancellationToken::new();
    let holding = world.process(patient(), holder.clone());
    for new in &new {
        world.reaches(new.id, State::Sending).await;
    }
    let _other = world.worker(patient());
    // A worker that is told to stop keeps what it has under way.
    holder.cancel();
    tokio::time::sleep(LEASE + Duration::from_secs(3)).await;
    assert_eq!(world.script.calls().len(), 2);
    gate.add_permits(2);
    for new in &new {
        let sent = world.reaches(new.id, State::Sent).await;
        assert_eq!((sent.attempts, sent.fence), (1, 1));
        assert_eq!(world.settled(new.id).await, ["sent"]);
    }
    let ended = tokio::task::spawn_blocking(|| holding.join());
    ended.await.unwrap().unwrap();
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_worker_does_not_give_up_what_it_has_under_way_itself(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let gate = Arc::new(Semaphore::new(0));
    world.script.plan(new.id, [Step::Wait(gate.clone())]);
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(patient());
    world.reaches(new.id, State::Sending).await;

    // The machine sleeps; before leases are renewed the worker looks at its queue, because something comes.
    world.clock.advance(TimeDelta::hours(1));
    let other = world.new_to("b");
    world.enqueue(std::slice::from_ref(&other)).await;
    world.reaches(other.id, State::Sent).await;
    gate.add_permits(1);
    world.reaches(new.id, State::Sent).await;
    assert_eq!(world.outcomes(new.id).await, [(1, RecordedOutcome::Done)]);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_delivery_that_kills_every_worker_is_given_up(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let never = Arc::new(Semaphore::new(0));
    world.script.plan(new.id, vec![Step::Wait(never); 3]);
    world.enqueue(std::slice::from_ref(&new)).await;
    for calls in 1..=3 {
        let doomed = world.worker(patient());
        until(async || world.script.calls().len() == calls).await;
        doomed.kill().await;
        world.clock.advance(TimeDelta::from_std(LEASE).unwrap());
    }
    let _worker = world.worker(patient());
    let dead = world.reaches(new.id, State::Dead).await;
    let error = "the worker was lost during the attempt; no attempt is left";
    assert_eq!(dead.last_error.as_deref(), Some(error));
    assert_eq!(
        world.outcomes(new.id).await,
        [1, 2, 3].map(|number| (number, RecordedOutcome::Lost))
    );
    assert_eq!(world.settled(new.id).await, ["failed", "failed", "dead"]);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_worker_that_stalls_loses_its_lease_and_cannot_settle(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let (waker, stalled) = mpsc::channel();
    world.script.plan(
        new.id,
        [
            Step::Stall(Arc::new(Mutex::new(stalled))),
            Step::Answer(Attempt::dead("refused")),
        ],
    );
    world.enqueue(std::slice::from_ref(&new)).await;
    let token = CancellationToken::new();
    let zombie = world.process(patient(), token.clone());
    world.reaches(new.id, State::Sending).await;

    let _worker = world.worker(patient());
    world.clock.advance(TimeDelta::from_std(LEASE).unwrap());
    let dead = world.reaches(new.id, State::Dead).await;
    assert_eq!(dead.fence, 2);

    drop(waker);
    token.cancel();
    let risen = tokio::task::spawn_blocking(|| zombie.join());
    risen.await.unwrap().unwrap();
    assert_eq!(world.find(new.id).await, dead);
    assert_eq!(
        world.outcomes(new.id).await,
        [(1, RecordedOutcome::Lost), (2, RecordedOutcome::Dead)]
    );
    assert_eq!(world.settled(new.id).await, ["failed", "dead"]);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn everything_arrives_although_workers_die_all_the_time(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    world.script.takes(Duration::from_millis(5));
    let new: Vec<_> = (0..60)
        .map(|number| world.new_to(&format!("target-{}", number % 7)))
        .collect();
    world.enqueue(&new).await;
    let policy = Policy {
        timeout: Duration::from_millis(50),
        schedule: vec![Duration::ZERO; 50],
        ..policy()
    };
    for _ in 0..6 {
        let doomed = world.worker(policy.clone());
        tokio::time::sleep(Duration::from_millis(30)).await;
        doomed.kill().await;
    }
    let _worker = world.worker(policy);
    for new in &new {
        world.reaches(new.id, State::Sent).await;
    }
    let calls = world.script.calls();
    let distinct: HashSet<_> = calls.iter().map(|call| (call.id, call.fence)).collect();
    assert_eq!(distinct.len(), calls.len(), "no attempt is made twice");
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_worker_survives_the_loss_of_every_connection(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let _worker = world.worker(policy());
    for _ in 0..3 {
        let new = world.new_to("a");
        world.enqueue(std::slice::from_ref(&new)).await;
        world.reaches(new.id, State::Sent).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .execute(&world.pool)
        .await
        .unwrap();
    }
    world.finish().await;
}
