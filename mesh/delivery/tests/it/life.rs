//! From waiting to sent or dead.

use std::{sync::Arc, time::Duration};

use chassis::Clock;
use chrono::TimeDelta;
use delivery::{Attempt, Delivery, New, Outcome, Policy, Recorded, RecordedOutcome, State};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::Semaphore;

use crate::support::{World, noon, policy, sender::Step};

#[sqlx::test(migrations = false)]
async fn what_is_enqueued_is_sent_and_recorded(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    world.enqueue(std::slice::from_ref(&new)).await;
    let created_at = world.find(new.id).await.created_at;
    let _worker = world.worker(policy());
    let expected = Delivery {
        id: new.id,
        queue: "test".to_owned(),
        target: "a".to_owned(),
        payload: new.payload.clone(),
        state: State::Sent,
        attempts: 1,
        last_error: None,
        created_at,
        sent_at: Some(noon()),
        next_attempt_at: None,
        deadline_at: None,
        fence: 1,
    };
    assert_eq!(world.reaches(new.id, State::Sent).await, expected);
    let attempts = world.attempts(new.id).await;
    let expected = Recorded {
        number: 1,
        started_at: noon(),
        duration_ms: attempts[0].duration_ms,
        outcome: RecordedOutcome::Done,
        error: None,
        response_status: None,
        response_body: None,
    };
    assert_eq!(attempts, [expected]);
    assert_eq!(world.settled(new.id).await, ["sent"]);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_target_that_fails_twice_gets_it_the_third_time(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options, Clock::system()).await;
    let new = world.new_to("a");
    let refused = Attempt {
        response_status: Some(503),
        response_body: Some("b".repeat(5000)),
        ..Attempt::retry("503 Service Unavailable")
    };
    world.script.plan(
        new.id,
        [Step::Answer(refused.clone()), Step::Answer(refused)],
    );
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(policy());
    let sent = world.reaches(new.id, State::Sent).await;
    assert_eq!((sent.attempts, sent.fence), (3, 3));
    assert_eq!(sent.last_error.as_deref(), Some("503 Service Unavailable"));
    let attempts = world.attempts(new.id).await;
    assert_eq!(
        world.outcomes(new.id).await,
        [
            (1, RecordedOutcome::Retry),
            (2, RecordedOutcome::Retry),
            (3, RecordedOutcome::Done)
        ]
    );
    assert_eq!(attempts[0].response_status, Some(503));
    assert_eq!(
        attempts[0].response_body.as_ref().map(String::len),
        Some(1024)
    );
    for (pair, pause) in attempts.windows(2).zip(policy().schedule) {
        let waited = (pair[1].started_at - pair[0].started_at).to_std().unwrap();
        assert!(waited >= pause, "{waited:?} is earlier than {pause:?}");
    }
    assert_eq!(world.settled(new.id).await, ["failed", "failed", "sent"]);
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_target_that_never_takes_it_is_given_up(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    let (tired, refused) = (world.new_to("a"), world.new_to("a"));
    world
        .script
        .plan(tired.id, vec![Step::Answer(Attempt::retry("no")); 3]);
    world
        .script
        .plan(refused.id, [Step::Answer(Attempt::dead("410 Gone"))]);
    world.enqueue(&[tired.clone(), refused.clone()]).await;
    let _worker = world.worker(policy());
    let dead = world.reaches(tired.id, State::Dead).await;
    assert_eq!(dead.last_error.as_deref(), Some("no; no attempt is left"));
    assert_eq!(
        (dead.attempts, dead.next_attempt_at, dead.sent_at),
        (3, None, None)
    );
    assert_eq!(world.settled(tired.id).await, ["failed", "failed", "dead"]);
    let dead = world.reaches(refused.id, State::Dead).await;
    assert_eq!(dead.last_error.as_deref(), Some("410 Gone"));
    assert_eq!(
        world.outcomes(refused.id).await,
        [(1, RecordedOutcome::Dead)]
    );
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_panic_and_a_hang_are_failures_like_others(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::system()).await;
    let new = world.new_to("a");
    world.script.plan(
        new.id,
        [Step::Panic, Step::Wait(Arc::new(Semaphore::new(0)))],
    );
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(policy());
    world.reaches(new.id, State::Sent).await;
    let errors: Vec<_> = world
        .attempts(new.id)
        .await
        .into_iter()
        .map(|attempt| attempt.error)
        .collect();
    let expected = ["the sender panicked", "no answer within 500ms"];
    assert_eq!(
        errors,
        [
            Some(expected[0].to_owned()),
            Some(expected[1].to_owned()),
            None
        ]
    );
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_not_due_waits(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let later = New {
        due_at: noon() + TimeDelta::seconds(60),
        ..world.new_to("a")
    };
    let now = world.new_to("a");
    world.enqueue(&[later.clone(), now.clone()]).await;
    let _worker = world.worker(policy());
    world.reaches(now.id, State::Sent).await;
    assert_eq!(world.find(later.id).await.state, State::Waiting);
    world.clock.advance(TimeDelta::seconds(59));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.find(later.id).await.state, State::Waiting);
    world.clock.advance(TimeDelta::seconds(1));
    let mut conn = world.pool.acquire().await.unwrap();
    delivery::wake(&mut conn, "test").await.unwrap();
    drop(conn);
    world.reaches(later.id, State::Sent).await;
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_deadline_ends_it(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let deadline_at = Some(noon() + TimeDelta::seconds(30));
    let waiting = New {
        due_at: noon() + TimeDelta::seconds(60),
        deadline_at,
        ..world.new_to("a")
    };
    let late = New {
        deadline_at: Some(noon()),
        ..world.new_to("a")
    };
    let failing = New {
        deadline_at,
        ..world.new_to("a")
    };
    let patient = Outcome::Retry {
        after: Some(Duration::from_secs(31)),
    };
    let answer = Attempt {
        outcome: patient,
        ..Attempt::retry("busy")
    };
    world.script.plan(failing.id, [Step::Answer(answer)]);
    world
        .enqueue(&[waiting.clone(), late.clone(), failing.clone()])
        .await;
    let _worker = world.worker(policy());

    let dead = world.reaches(late.id, State::Dead).await;
    assert_eq!(
        (dead.attempts, dead.last_error.as_deref()),
        (0, Some("the deadline has passed"))
    );
    let dead = world.reaches(failing.id, State::Dead).await;
    assert_eq!(
        (dead.attempts, dead.last_error.as_deref()),
        (1, Some("busy; the deadline has passed"))
    );
    assert_eq!(world.find(waiting.id).await.state, State::Waiting);
    world.clock.advance(TimeDelta::seconds(30));
    world.reaches(waiting.id, State::Dead).await;
    for new in [waiting, late, failing] {
        assert_eq!(world.settled(new.id).await, ["dead"]);
    }
    world.finish().await;
}

#[sqlx::test(migrations = false)]
async fn a_target_may_ask_for_more_time(_: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options, Clock::fixed(noon())).await;
    let new = world.new_to("a");
    let wish = Outcome::Retry {
        after: Some(Duration::from_secs(3600)),
    };
    let answer = Attempt {
        outcome: wish,
        ..Attempt::retry("429")
    };
    world.script.plan(new.id, [Step::Answer(answer)]);
    world.enqueue(std::slice::from_ref(&new)).await;
    let _worker = world.worker(Policy {
        schedule: vec![Duration::from_secs(1)],
        ..policy()
    });
    let failed = world.reaches(new.id, State::Failed).await;
    assert!(failed.next_attempt_at.unwrap() >= noon() + TimeDelta::hours(1));
    assert!(failed.next_attempt_at.unwrap() <= noon() + TimeDelta::minutes(73));
    world.finish().await;
}
