use std::time::Duration;

use chassis::encode;
use proto::webhook::v1::{DeliveryState, ListWebhookDeliveriesRequest, WebhookDelivery};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    boards::{BOARD, ORGANIZATION},
    fixture::{Fixture, Setup, created, eventually},
    receiver::{Answer, Receiver},
};

fn is(state: DeliveryState) -> impl Fn(&WebhookDelivery) -> bool {
    move |delivery| delivery.state() == state
}

#[sqlx::test(migrations = false)]
async fn a_receiver_that_fails_is_tried_until_it_takes_the_event(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([Answer::Status(500), Answer::Status(404)]).await;
    let endpoint = it.subscribe(&receiver.url(), &["task.*"]).await;
    let event = created("Write the note");
    it.tell([event.clone()]).await;
    let delivery = it.until(&endpoint, is(DeliveryState::Delivered)).await;

    let secret = endpoint.secret.clone().unwrap();
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert!(call.is_signed_with(&secret));
        assert_eq!(call.path, "/hook");
        assert_eq!(call.header("webhook-id"), delivery.id);
        assert_eq!(call.header("content-type"), "application/json");
        assert!(
            call.header("user-agent")
                .starts_with("MissionControl-Webhooks/")
        );
        assert_eq!(call.body, calls[0].body);
    }
    let body = calls[0].json();
    assert_eq!(body["data"]["payload"]["task"]["status"], "inbox");
    assert_eq!(
        body["data"]["payload"]["task"]["assigned_agent_id"],
        json!(null)
    );
    let mut envelope = body.clone();
    envelope["data"]["payload"] = json!(null);
    assert_eq!(
        envelope,
        json!({
            "type": "task.created",
            "timestamp": "2023-11-14T22:13:20.000005Z",
            "data": {
                "id": event.id, "organization_id": ORGANIZATION, "board_id": BOARD, "task_id": null, "agent_id": null,
                "actor": {"kind": "user", "id": "00000000-0000-0000-0000-000000000ada", "name": "Ada"},
                "request_id": null, "payload": null,
            },
        })
    );

    let attempts: Vec<_> = delivery
        .attempts
        .iter()
        .map(|attempt| {
            (
                attempt.number,
                attempt.response_status,
                attempt.response_body.as_deref(),
            )
        })
        .collect();
    let expected = [
        (1, Some(500), Some("not now")),
        (2, Some(404), Some("not now")),
        (3, Some(200), Some("ok")),
    ];
    assert_eq!(attempts, expected);
    let error = delivery.attempts[0].error.as_deref();
    assert_eq!(error, Some("answered 500 Internal Server Error"));
    assert_eq!(delivery.attempts[2].error, None);
    let expected = WebhookDelivery {
        webhook_endpoint_id: endpoint.id.clone(),
        event_id: event.id,
        event_type: "task.created".into(),
        attempt_count: 3,
        next_attempt_at: None,
        last_error: Some("answered 404 Not Found".into()),
        payload: encode::to_struct(&body),
        ..delivery.clone()
    };
    assert_eq!(delivery, expected);
    assert!(delivery.delivered_at.is_some());
    // A list shows neither attempts nor payload.
    let listed = WebhookDelivery {
        attempts: Vec::new(),
        payload: None,
        ..delivery
    };
    assert_eq!(it.deliveries(&endpoint).await, [listed]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn after_the_schedule_a_delivery_is_dead_and_readable(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([Answer::Status(500); 3]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Lost")]).await;
    let delivery = it.until(&endpoint, is(DeliveryState::Dead)).await;
    assert_eq!((delivery.attempt_count, delivery.attempts.len()), (3, 3));
    let error = delivery.last_error.as_deref();
    let expected = "answered 500 Internal Server Error; no attempt is left";
    assert_eq!(error, Some(expected));
    assert_eq!(
        (delivery.delivered_at, delivery.next_attempt_at),
        (None, None)
    );
    // What comes later is not held up by it.
    it.tell([created("Found")]).await;
    assert_eq!(receiver.heard(4).await.len(), 4);
    eventually("the second one is delivered", async || {
        let states: Vec<_> = it
            .deliveries(&endpoint)
            .await
            .iter()
            .map(WebhookDelivery::state)
            .collect();
        (states == [DeliveryState::Delivered, DeliveryState::Dead]).then_some(())
    })
    .await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_failure_waits_for_its_next_attempt_and_lets_others_pass(pool: PgPool) {
    let setup = Setup {
        schedule: "1h",
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let receiver = Receiver::start([Answer::RetryAfter(429, 7_200), Answer::Status(500)]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("One"), created("Two"), created("Three")])
        .await;
    let listed = eventually("three attempts", async || {
        let found = it.deliveries(&endpoint).await;
        let is_done = found.len() == 3 && found[0].state() == DeliveryState::Delivered;
        is_done.then_some(found)
    })
    .await;
    let states: Vec<_> = listed.iter().map(WebhookDelivery::state).collect();
    let expected = [
        DeliveryState::Delivered,
        DeliveryState::Failed,
        DeliveryState::Failed,
    ];
    assert_eq!(states, expected);
    let pause = |delivery: &WebhookDelivery| {
        delivery.next_attempt_at.unwrap().seconds - delivery.created_at.unwrap().seconds
    };
    // Of the schedule's pause and the receiver's wish the longer, with jitter on top.
    assert!((3_600..=4_400).contains(&pause(&listed[1])), "{listed:#?}");
    assert!((7_200..=8_700).contains(&pause(&listed[2])), "{listed:#?}");

    let of_state = async |state: DeliveryState| {
        let request = ListWebhookDeliveriesRequest {
            webhook_endpoint_id: endpoint.id.clone(),
            state: Some(state.into()),
            ..ListWebhookDeliveriesRequest::default()
        };
        let page = it
            .owner()
            .list_webhook_deliveries(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(i64::try_from(page.items.len()), Ok(page.total));
        page.items
    };
    assert_eq!(of_state(DeliveryState::Failed).await, listed[1..]);
    assert_eq!(of_state(DeliveryState::Delivered).await, listed[..1]);
    assert_eq!(of_state(DeliveryState::Dead).await, []);
    assert_eq!(of_state(DeliveryState::Unspecified).await, listed);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn deliveries_are_listed_newest_first_in_pages(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell((0..5).map(|number| created(&number.to_string())))
        .await;
    let all = eventually("five deliveries", async || {
        let found = it.deliveries(&endpoint).await;
        let is_done = found
            .iter()
            .filter(|found| found.delivered_at.is_some())
            .count()
            == 5;
        is_done.then_some(found)
    })
    .await;
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    let page = async |limit, offset, page_token| {
        let request = ListWebhookDeliveriesRequest {
            webhook_endpoint_id: endpoint.id.clone(),
            limit: Some(limit),
            offset,
            page_token,
            state: None,
        };
        it.owner()
            .list_webhook_deliveries(request)
            .await
            .unwrap()
            .into_inner()
    };
    let by_offset = page(2, Some(3), None).await;
    assert_eq!(
        (by_offset.items, by_offset.total, by_offset.offset),
        (all[3..].to_vec(), 5, 3)
    );
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let found = page(2, None, token).await;
        seen.extend(found.items);
        token = found.next_page_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
    assert_eq!(page(5, None, None).await.next_page_token, None);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_receiver_that_does_not_answer_in_time_has_failed(pool: PgPool) {
    let setup = Setup {
        timeout: Duration::from_millis(200),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let receiver = Receiver::start([Answer::Hang]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Slow")]).await;
    let delivery = it.until(&endpoint, is(DeliveryState::Delivered)).await;
    let attempt = &delivery.attempts[0];
    assert_eq!(attempt.error.as_deref(), Some("no answer within 200ms"));
    assert_eq!(
        (attempt.response_status, &attempt.response_body),
        (None, &None)
    );
    assert!(attempt.duration_ms >= 200, "{attempt:?}");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_an_endless_answer_the_beginning_is_read(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([Answer::Flood]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Loud")]).await;
    let delivery = it.until(&endpoint, is(DeliveryState::Delivered)).await;
    let body = delivery.attempts[0].response_body.as_deref().unwrap();
    assert_eq!(body, "x".repeat(1_024));
    assert!(delivery.attempts[0].duration_ms < 2_000);
    it.stop().await;
}
