//! Who gets how much, and how soon.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chassis::Clock;
use delivery::{Policy, State};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{World, policy, until};

#[sqlx::test(migrations = false)]
async fn a_target_with_a_backlog_does_not_hold_up_the_others(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    world.script.takes(Duration::from_millis(10));
    let backlog: Vec<_> = (0..60).map(|_| world.new_to("busy")).collect();
    world.enqueue(&backlog).await;
    let others: Vec<_> = (0..10)
        .map(|number| world.new_to(&format!("quiet-{number}")))
        .collect();
    world.enqueue(&others).await;
    let _worker = world.worker(Policy {
        concurrency: 3,
        ..policy()
    });
    until(async || world.script.calls().len() >= 30).await;
    let order = world.script.calls();
    let last_quiet = order
        .iter()
        .rposition(|call| call.target.starts_with("quiet"))
        .unwrap();
    let quiet = order
        .iter()
        .filter(|call| call.target.starts_with("quiet"))
        .count();
    assert_eq!(quiet, 10, "every quiet target has had its turn");
    assert!(last_quiet < 30, "{last_quiet}");
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn the_limit_of_a_target_holds_over_all_workers(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    world.script.takes(Duration::from_millis(3));
    let new: Vec<_> = (0..120)
        .map(|number| world.new_to(["a", "b", "c"][number % 3]))
        .collect();
    world.enqueue(&new).await;
    let _workers: Vec<_> = (0..3).map(|_| world.worker(policy())).collect();
    for new in &new {
        world.reaches(new.id, State::Sent).await;
    }
    for target in ["a", "b", "c"] {
        assert!(
            (1..=2).contains(&world.script.most_in_flight(target)),
            "{target}"
        );
    }
    let mut calls: HashMap<_, usize> = HashMap::new();
    for call in world.script.calls() {
        *calls.entry(call.id).or_default() += 1;
    }
    assert_eq!(calls.len(), 120);
    assert!(
        calls.values().all(|calls| *calls == 1),
        "two workers made the same attempt"
    );
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn one_worker_stays_within_its_concurrency(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    world.script.takes(Duration::from_millis(5));
    let new: Vec<_> = (0..40).map(|_| world.new_to("a")).collect();
    world.enqueue(&new).await;
    let _worker = world.worker(Policy {
        concurrency: 3,
        per_target: 100,
        ..policy()
    });
    for new in &new {
        world.reaches(new.id, State::Sent).await;
    }
    assert!((2..=3).contains(&world.script.most_in_flight("a")));
    world.finish().await;
}

/// The wake-up is a notification; a fixed pause anywhere would take longer.
#[sqlx::test(migrations = false)]
async fn an_attempt_begins_soon_after_the_commit(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    let _worker = world.worker(policy());
    let mut latencies = Vec::new();
    for count in 1..=31 {
        world.enqueue(&[world.new_to("a")]).await;
        let committed = Instant::now();
        until(async || world.script.calls().len() == count).await;
        latencies.push(
            world.script.calls()[count - 1]
                .at
                .saturating_duration_since(committed),
        );
    }
    latencies.sort();
    println!(
        "commit to attempt: median {:?}, worst {:?}",
        latencies[15], latencies[30]
    );
    assert!(
        latencies[15] < Duration::from_millis(100),
        "median {:?}",
        latencies[15]
    );
    world.finish().await;
}
