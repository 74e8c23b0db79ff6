//! Killed in the middle, cut off, and risen again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chassis::Clock;
use chrono::TimeDelta;
use delivery::{Attempt, Policy, RecordedOutcome, State};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::Semaphore;

use crate::support::{World, noon, policy, sender::Step, until};

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
    let policy = Policy {
        timeout: Duration::from_millis(100),
        ..policy()
    };
    let doomed = world.worker(policy.clone());
    until(async || !world.script.calls().is_empty()).await;
    doomed.kill().await;
    assert_eq!(world.find(new.id).await.state, State::Sending);

    let _worker = world.worker(policy);
    let sent = world.reaches(new.id, State::Sent).await;
    assert_eq!((sent.attempts, sent.fence), (2, 2));
    assert_eq!(
        world.outcomes(new.id).await,
        [(1, RecordedOutcome::Lost), (2, RecordedOutcome::Done)]
    );
    let attempts = world.attempts(new.id).await;
    let waited = attempts[1].started_at - attempts[0].started_at;
    assert!(
        waited >= TimeDelta::milliseconds(1200),
        "the lease lasts twice the timeout and a second: {waited}"
    );
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
    let patient = Policy {
        timeout: Duration::from_secs(60),
        ..policy()
    };
    for calls in 1..=3 {
        let doomed = world.worker(patient.clone());
        until(async || world.script.calls().len() == calls).await;
        doomed.kill().await;
        world.clock.advance(TimeDelta::seconds(121));
    }
    let _worker = world.worker(patient);
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
async fn a_zombie_cannot_settle(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let gate = Arc::new(Semaphore::new(0));
    world.script.plan(
        new.id,
        [
            Step::Wait(gate.clone()),
            Step::Answer(Attempt::dead("refused")),
        ],
    );
    world.enqueue(std::slice::from_ref(&new)).await;
    let patient = Policy {
        timeout: Duration::from_secs(60),
        ..policy()
    };
    let _zombie = world.worker(patient.clone());
    world.reaches(new.id, State::Sending).await;

    // The machine sleeps for longer than the lease; somebody else takes over.
    world.clock.advance(TimeDelta::seconds(121));
    let _worker = world.worker(patient);
    let dead = world.reaches(new.id, State::Dead).await;
    assert_eq!(dead.fence, 2);

    gate.add_permits(1);
    tokio::time::sleep(Duration::from_millis(200)).await;
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
