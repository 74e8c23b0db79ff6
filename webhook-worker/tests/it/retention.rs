use std::borrow::Cow;

use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    event::v1::{Event, OrganizationSettingsChanged, event::Payload},
    org::v1::OrganizationSettings,
    webhook::v1::{DeliveryState, WebhookEndpoint},
};
use sqlx::{PgPool, migrate::Migrator};
use uuid::Uuid;

use crate::{
    boards::{FOREIGN_ORGANIZATION, ORGANIZATION},
    fixture::{Fixture, Setup, asking, created, created_on, event, eventually, stranger},
    receiver::{Answer, Receiver},
};

fn keep(organization_id: Uuid, days: Option<i32>) -> Event {
    let settings = OrganizationSettings {
        payload_retention_days: days,
        ..OrganizationSettings::default()
    };
    let payload = Payload::OrganizationSettingsChanged(OrganizationSettingsChanged {
        settings: Some(settings),
        changed_fields: vec!["payload_retention_days".into()],
    });
    event(organization_id, None, payload)
}

/// The component at a moment. It looks for what is too old when it starts.
async fn at(pool: &PgPool, moment: DateTime<Utc>) -> Fixture {
    let setup = Setup {
        schedule: "168h",
        clock: Clock::fixed(moment),
        ..Setup::default()
    };
    Fixture::start_with(pool, setup).await
}

async fn states(it: &Fixture, endpoint: &WebhookEndpoint) -> Vec<DeliveryState> {
    let found = it.deliveries(endpoint).await;
    found.iter().map(|delivery| delivery.state()).collect()
}

async fn attempts(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from delivery_attempt")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn what_is_settled_is_kept_as_long_as_the_organization_wants(pool: PgPool) {
    let start = Clock::system().now();
    let it = at(&pool, start).await;
    let waiting = Receiver::start([Answer::Status(500)]).await;
    let (ok, abroad) = (Receiver::start([]).await, Receiver::start([]).await);
    let retried = it.subscribe(&waiting.url(), &["task.*"]).await;
    let told = it.subscribe(&ok.url(), &["task.*"]).await;
    let foreign = it
        .client(stranger())
        .create_webhook_endpoint(asking(&abroad.url(), &["task.*"]))
        .await
        .unwrap()
        .into_inner()
        .webhook_endpoint
        .unwrap();
    it.tell([
        keep(ORGANIZATION, Some(3)),
        created("Old"),
        created_on(FOREIGN_ORGANIZATION, None, "Abroad"),
    ])
    .await;
    for receiver in [&waiting, &ok, &abroad] {
        receiver.heard(1).await;
    }
    eventually("three attempts have ended", async || {
        (attempts(&it.pool).await == 3).then_some(())
    })
    .await;
    it.stop().await;

    // To the day it is kept.
    let it = at(&pool, start + TimeDelta::days(3)).await;
    it.tell([created("New")]).await;
    ok.heard(2).await;
    eventually("the new one is delivered", async || {
        let found = states(&it, &told).await;
        (found == [DeliveryState::Delivered; 2]).then_some(())
    })
    .await;
    it.stop().await;

    let it = at(&pool, start + TimeDelta::days(3) + TimeDelta::seconds(1)).await;
    eventually("the old one is gone", async || {
        (states(&it, &told).await == [DeliveryState::Delivered]).then_some(())
    })
    .await;
    // What waits for an attempt stays, however old, with the attempts so far; so does what is another organization's.
    let found = it.deliveries(&retried).await;
    assert_eq!(found.len(), 2);
    let oldest = it.delivery(&retried, &found[1].id).await;
    assert_eq!(
        (oldest.state(), oldest.attempts.len()),
        (DeliveryState::Failed, 1)
    );
    let kept: i64 =
        sqlx::query_scalar("select count(*) from webhook_delivery where webhook_endpoint_id = $1")
            .bind(foreign.id.parse::<Uuid>().unwrap())
            .fetch_one(&it.pool)
            .await
            .unwrap();
    assert_eq!(kept, 1);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_backlog_goes_whole_and_switched_off_nothing_goes(pool: PgPool) {
    let start = Clock::system().now();
    let it = at(&pool, start).await;
    let receiver = Receiver::start([]).await;
    let endpoint = it.subscribe(&receiver.url(), &["task.*"]).await;
    it.tell([keep(ORGANIZATION, Some(1)), keep(ORGANIZATION, None)])
        .await;
    it.tell([created("One")]).await;
    receiver.heard(1).await;
    // More than one batch, given up long ago.
    sqlx::query(
        "with new as (
             insert into delivery (id, queue, target, payload, state)
             select gen_random_uuid(), 'webhook', $1, '{}', 'dead' from generate_series(1, 1200)
             returning id)
         insert into webhook_delivery (id, webhook_endpoint_id, event_id, event_type, body, state, created_at)
         select id, $1::uuid, gen_random_uuid(), 'task.created', '{}', 'dead', $2 from new",
    )
    .bind(&endpoint.id)
    .bind(start)
    .execute(&it.pool)
    .await
    .unwrap();
    it.stop().await;

    let late = start + TimeDelta::days(400);
    let it = at(&pool, late).await;
    it.tell([keep(ORGANIZATION, Some(399)), created("Two")])
        .await;
    receiver.heard(2).await;
    assert_eq!(it.deliveries(&endpoint).await.len(), 200);
    it.stop().await;

    let it = at(&pool, late).await;
    eventually("everything old is gone", async || {
        (it.deliveries(&endpoint).await.len() == 1).then_some(())
    })
    .await;
    let left: i64 = sqlx::query_scalar("select count(*) from delivery")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_an_earlier_release_noted_holds(pool: PgPool) {
    let first_two = webhook_worker::MIGRATOR
        .iter()
        .filter(|migration| migration.version < 3);
    let earlier = Migrator {
        migrations: Cow::Owned(first_two.cloned().collect()),
        ..Migrator::DEFAULT
    };
    delivery::migrator().run(&pool).await.unwrap();
    earlier.run(&pool).await.unwrap();
    sqlx::query("insert into webhook_retention values ($1, 7)")
        .bind(ORGANIZATION)
        .execute(&pool)
        .await
        .unwrap();
    webhook_worker::MIGRATOR.run(&pool).await.unwrap();
    let noted: Vec<(Uuid, i32)> =
        sqlx::query_as("select organization_id, days from delivery_retention")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(noted, [(ORGANIZATION, 7)]);
}
