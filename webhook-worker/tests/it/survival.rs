use chassis::Clock;
use chrono::TimeDelta;
use proto::webhook::v1::DeliveryState;
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, Setup, created, tell},
    receiver::{Answer, Receiver},
};

#[sqlx::test(migrations = false)]
async fn killed_in_the_middle_it_goes_on_under_the_same_id(pool: PgPool) {
    let receiver = Receiver::start([Answer::Hang]).await;
    let killed = Fixture::start(&pool).await;
    let endpoint = killed.subscribe(&receiver.url(), &["*"]).await;
    killed.tell([created("Unfinished")]).await;
    receiver.heard(1).await;
    killed.kill().await;

    // By the time of the next process nobody believes in the lease any more.
    let later = Clock::system().now() + TimeDelta::minutes(5);
    let setup = Setup {
        clock: Clock::fixed(later),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let delivery = it
        .until(&endpoint, |found| found.state() == DeliveryState::Delivered)
        .await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 2);
    let secret = endpoint.secret.clone().unwrap();
    for call in &calls {
        assert_eq!(call.header("webhook-id"), delivery.id);
        assert!(call.is_signed_with(&secret));
    }
    assert_eq!(calls[0].body, calls[1].body);
    let timestamp =
        |call: usize| -> i64 { calls[call].header("webhook-timestamp").parse().unwrap() };
    assert_eq!(timestamp(1), later.timestamp());
    assert!(timestamp(0) < timestamp(1));
    let errors: Vec<_> = delivery
        .attempts
        .iter()
        .map(|attempt| attempt.error.as_deref())
        .collect();
    assert_eq!(
        errors,
        [Some("the worker was lost during the attempt"), None]
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_happens_while_nobody_works_is_sent_later(pool: PgPool) {
    let receiver = Receiver::start([]).await;
    let before = Fixture::start(&pool).await;
    before.subscribe(&receiver.url(), &["*"]).await;
    before.stop().await;
    tell(&pool, [created("One"), created("Two")]).await;

    let it = Fixture::start(&pool).await;
    let calls = receiver.heard(2).await;
    let title = |call: usize| calls[call].json()["data"]["payload"]["task"]["title"].clone();
    assert_eq!([title(0), title(1)], ["One", "Two"]);
    it.stop().await;
}
