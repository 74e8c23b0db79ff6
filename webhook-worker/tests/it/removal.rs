use std::time::Duration;

use futures::future::join_all;
use proto::webhook::v1::{
    DeleteWebhookEndpointRequest, DeliveryState, UpdateWebhookEndpointRequest, WebhookDelivery,
    WebhookEndpoint,
};
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, Setup, asking, created, eventually},
    receiver::{Answer, Receiver},
};

async fn enable(it: &Fixture, endpoint: &WebhookEndpoint, enabled: bool) {
    let request = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: endpoint.id.clone(),
        enabled: Some(enabled),
        ..UpdateWebhookEndpointRequest::default()
    };
    it.owner().update_webhook_endpoint(request).await.unwrap();
}

async fn delete(it: &Fixture, endpoint: &WebhookEndpoint) {
    let request = DeleteWebhookEndpointRequest {
        webhook_endpoint_id: endpoint.id.clone(),
    };
    let answer = it.owner().delete_webhook_endpoint(request).await.unwrap();
    assert!(answer.into_inner().ok);
}

/// Rows of deliveries, on both sides, and of attempts.
async fn counts(it: &Fixture) -> (i64, i64, i64) {
    sqlx::query_as(
        "select (select count(*) from webhook_delivery), (select count(*) from delivery),
                (select count(*) from delivery_attempt)",
    )
    .fetch_one(&it.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_disabled_endpoint_is_told_nothing(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let (receiver, witness) = (Receiver::start([]).await, Receiver::start([]).await);
    let mut request = asking(&receiver.url(), &["*"]);
    request.enabled = Some(false);
    let endpoint = it.create(request).await.unwrap();
    it.subscribe(&witness.url(), &["*"]).await;
    it.tell([created("Unheard")]).await;
    witness.heard(1).await;
    assert_eq!(it.deliveries(&endpoint).await, []);

    // Enabled, it hears of what happens from now on.
    enable(&it, &endpoint, true).await;
    it.tell([created("Heard")]).await;
    let calls = receiver.heard(1).await;
    assert_eq!(calls[0].json()["data"]["payload"]["task"]["title"], "Heard");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_waits_for_a_disabled_endpoint_is_given_up_at_its_turn(pool: PgPool) {
    let setup = Setup {
        schedule: "1500ms",
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let receiver = Receiver::start([Answer::Status(500)]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Given up")]).await;
    it.until(&endpoint, |found| found.state() == DeliveryState::Failed)
        .await;
    enable(&it, &endpoint, false).await;
    let dead = it
        .until(&endpoint, |found| found.state() == DeliveryState::Dead)
        .await;
    let error = dead.last_error.as_deref();
    assert_eq!(error, Some("the endpoint is disabled"));
    assert_eq!(receiver.calls().len(), 1);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_waits_is_sent_once_there_is_hope(pool: PgPool) {
    let setup = Setup {
        schedule: "1h,1h",
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let receiver = Receiver::start([Answer::Status(500); 2]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Waits")]).await;
    // An attempt counts from its beginning; the next one is planned at its end.
    let has_failed = |attempts: i32| {
        move |found: &WebhookDelivery| {
            found.next_attempt_at.is_some() && found.attempt_count == attempts
        }
    };
    it.until(&endpoint, has_failed(1)).await;
    enable(&it, &endpoint, true).await;
    let waiting = it.until(&endpoint, has_failed(1)).await;
    let pause = waiting.next_attempt_at.unwrap().seconds - waiting.created_at.unwrap().seconds;
    assert!(pause >= 3_600, "it was enabled all the time");

    enable(&it, &endpoint, false).await;
    enable(&it, &endpoint, true).await;
    it.until(&endpoint, has_failed(2)).await;

    let repaired = Receiver::start([]).await;
    let request = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: endpoint.id.clone(),
        url: Some(repaired.url()),
        ..UpdateWebhookEndpointRequest::default()
    };
    it.owner().update_webhook_endpoint(request).await.unwrap();
    let delivered = it
        .until(&endpoint, |found| found.state() == DeliveryState::Delivered)
        .await;
    assert_eq!(delivered.attempt_count, 3);
    assert_eq!((receiver.calls().len(), repaired.calls().len()), (2, 1));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_endpoint_takes_its_deliveries_along(pool: PgPool) {
    let setup = Setup {
        schedule: "1h",
        timeout: Duration::from_secs(4),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let (receiver, other) = (
        Receiver::start([Answer::Status(500), Answer::Status(200), Answer::Hang]).await,
        Receiver::start([]).await,
    );
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    let stays = it.subscribe(&other.url(), &["*"]).await;
    it.tell((0..5).map(|number| created(&number.to_string())))
        .await;
    // One failed, one is delivered, one is under way, two wait.
    receiver.heard(3).await;
    eventually("the other has everything", async || {
        let found = it.deliveries(&stays).await;
        let is_done = found
            .iter()
            .filter(|found| found.delivered_at.is_some())
            .count()
            == 5;
        is_done.then_some(())
    })
    .await;
    assert_eq!(counts(&it).await, (10, 10, 7));
    delete(&it, &endpoint).await;
    assert_eq!(counts(&it).await, (5, 5, 5));
    // The attempt under way ends without a trace, and the queue goes on.
    it.tell([created("After")]).await;
    other.heard(6).await;
    eventually("the sixth is settled", async || {
        (counts(&it).await == (6, 6, 6)).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(4_200)).await;
    assert_eq!(counts(&it).await, (6, 6, 6));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn deleting_while_events_come_leaves_nothing_behind(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    for _ in 0..10 {
        let receiver = Receiver::start([]).await;
        let endpoints = join_all((0..5).map(|_| it.create(asking(&receiver.url(), &["*"])))).await;
        let endpoints: Vec<_> = endpoints.into_iter().map(Result::unwrap).collect();
        let told = async {
            for number in 0..10 {
                it.tell([created(&number.to_string())]).await;
            }
        };
        let deleted = async {
            receiver.heard(1).await;
            join_all(endpoints.iter().map(|endpoint| delete(&it, endpoint))).await;
        };
        tokio::join!(told, deleted);
    }
    let witness = Receiver::start([]).await;
    let endpoint = it.subscribe(&witness.url(), &["*"]).await;
    it.tell([created("Last")]).await;
    witness.heard(1).await;
    delete(&it, &endpoint).await;
    assert_eq!(counts(&it).await, (0, 0, 0));
    it.stop().await;
}
