use proto::webhook::v1::{DeliveryState, WebhookDelivery};
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, Setup, created},
    receiver::{Answer, Receiver},
};

fn is_dead(delivery: &WebhookDelivery) -> bool {
    delivery.state() == DeliveryState::Dead
}

fn strict() -> Setup {
    Setup {
        allow_private: false,
        ..Setup::default()
    }
}

#[sqlx::test(migrations = false)]
async fn a_name_that_leads_to_a_private_address_is_not_called(pool: PgPool) {
    let it = Fixture::start_with(&pool, strict()).await;
    let receiver = Receiver::start([]).await;
    let url = format!("http://localhost:{}/hook", receiver.port);
    let endpoint = it.subscribe(&url, &["*"]).await;
    it.tell([created("Inside")]).await;
    let delivery = it.until(&endpoint, is_dead).await;
    assert_eq!(delivery.attempts.len(), 3);
    for attempt in &delivery.attempts {
        let error = attempt.error.as_deref();
        assert_eq!(error, Some("not called: the host has a private address"));
        assert_eq!(attempt.response_status, None);
    }
    assert_eq!(receiver.calls().len(), 0);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_private_literal_from_laxer_times_is_not_called(pool: PgPool) {
    let lax = Fixture::start(&pool).await;
    let receiver = Receiver::start([]).await;
    let endpoint = lax.subscribe(&receiver.url(), &["*"]).await;
    lax.stop().await;

    let it = Fixture::start_with(&pool, strict()).await;
    it.tell([created("Inside")]).await;
    let delivery = it.until(&endpoint, is_dead).await;
    let error = delivery.attempts[0].error.as_deref();
    assert_eq!(error, Some("not called: the host has a private address"));
    assert_eq!(receiver.calls().len(), 0);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn private_addresses_are_called_when_that_is_allowed(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([]).await;
    let url = format!("http://localhost:{}/hook", receiver.port);
    it.subscribe(&url, &["*"]).await;
    it.tell([created("Inside")]).await;
    receiver.heard(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_redirect_is_a_failure_and_is_not_followed(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([Answer::Redirect; 3]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Elsewhere")]).await;
    let delivery = it.until(&endpoint, is_dead).await;
    assert_eq!(delivery.attempts[0].response_status, Some(307));
    let calls = receiver.calls();
    let paths: Vec<_> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["/hook"; 3]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn nobody_at_the_address_is_a_failure_with_its_reason(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    // Reserved, and refused at once.
    let refused = it.subscribe("http://127.0.0.1:1/", &["*"]).await;
    let unknown = it.subscribe("http://nobody.invalid/", &["*"]).await;
    let no_tls = Receiver::start([]).await;
    let url = format!("https://127.0.0.1:{}/", no_tls.port);
    let no_tls = it.subscribe(&url, &["*"]).await;
    it.tell([created("Nobody")]).await;
    for endpoint in [refused, unknown, no_tls] {
        let delivery = it.until(&endpoint, is_dead).await;
        let error = delivery.attempts[0].error.as_deref().unwrap();
        let is_told = error.starts_with("no connection: ") || error.starts_with("not called: ");
        assert!(is_told && error.len() > 20, "{error}");
        assert!(!error.contains("http"), "{error}");
    }
    it.stop().await;
}
