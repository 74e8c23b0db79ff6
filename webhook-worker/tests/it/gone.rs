use proto::{
    event::v1::{
        BoardDeleted, Event, OrganizationDeleted, OrganizationSettingsChanged, event::Payload,
    },
    org::v1::OrganizationSettings,
    webhook::v1::{CreateWebhookEndpointRequest, ListWebhookEndpointsRequest, WebhookEndpoint},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, FOREIGN_ORGANIZATION, ORGANIZATION, OTHER_BOARD},
    fixture::{Fixture, Setup, asking, created, created_on, event, eventually, stranger},
    receiver::{Answer, Receiver},
};

fn board_deleted(board_id: Uuid) -> Event {
    let payload = Payload::BoardDeleted(BoardDeleted::default());
    event(ORGANIZATION, Some(board_id), payload)
}

fn organization_deleted(organization_id: Uuid) -> Event {
    let payload = Payload::OrganizationDeleted(OrganizationDeleted::default());
    event(organization_id, None, payload)
}

async fn of_board(it: &Fixture, receiver: &Receiver, board_id: Uuid) -> WebhookEndpoint {
    let request = CreateWebhookEndpointRequest {
        board_id: Some(board_id.to_string()),
        ..asking(&receiver.url(), &["*"])
    };
    it.create(request).await.unwrap()
}

async fn listed(it: &Fixture) -> Vec<String> {
    let request = ListWebhookEndpointsRequest::default();
    let answer = it.owner().list_webhook_endpoints(request).await.unwrap();
    let items = answer.into_inner().items;
    items.into_iter().map(|endpoint| endpoint.id).collect()
}

/// Rows of every table of the component.
async fn rows(pool: &PgPool) -> [i64; 6] {
    let found: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from webhook_endpoint), (select count(*) from webhook_quota),
                (select count(*) from webhook_delivery), (select count(*) from delivery),
                (select count(*) from delivery_attempt), (select count(*) from delivery_retention)",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    found.into()
}

#[sqlx::test(migrations = false)]
async fn a_board_takes_its_endpoints_along_and_what_waits_for_them(pool: PgPool) {
    let setup = Setup {
        schedule: "1h",
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let failing = Receiver::start([Answer::Status(500), Answer::Status(500)]).await;
    let (elsewhere, witness) = (Receiver::start([]).await, Receiver::start([]).await);
    of_board(&it, &failing, BOARD).await;
    let other = of_board(&it, &elsewhere, OTHER_BOARD).await;
    let all = it.subscribe(&witness.url(), &["*"]).await;
    it.tell([created("One"), created("Two")]).await;
    failing.heard(2).await;
    witness.heard(2).await;

    it.tell([board_deleted(BOARD), created("Late")]).await;
    let calls = witness.heard(4).await;
    // The organization hears of it; the board's own endpoint is gone, with what waited for its next attempt.
    assert_eq!(calls[2].kind(), "board.deleted");
    eventually("everything is settled", async || {
        (rows(&it.pool).await == [2, 1, 4, 4, 4, 0]).then_some(())
    })
    .await;
    assert_eq!(listed(&it).await, [all.id, other.id]);
    let left: i32 = sqlx::query_scalar("select endpoints from webhook_quota")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    assert_eq!(left, 2);
    assert_eq!((failing.calls().len(), elsewhere.calls().len()), (2, 0));

    // Told once more, it finds nothing and does nothing.
    it.tell([board_deleted(BOARD)]).await;
    witness.heard(5).await;
    assert_eq!(listed(&it).await.len(), 2);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_organization_takes_everything_along(pool: PgPool) {
    let setup = Setup {
        schedule: "1h",
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let failing = Receiver::start([Answer::Status(500)]).await;
    let (ok, abroad) = (Receiver::start([]).await, Receiver::start([]).await);
    it.subscribe(&failing.url(), &["task.*"]).await;
    of_board(&it, &ok, BOARD).await;
    let foreign = asking(&abroad.url(), &["*"]);
    it.client(stranger())
        .create_webhook_endpoint(foreign)
        .await
        .unwrap();
    let settings = OrganizationSettings {
        payload_retention_days: Some(30),
        ..OrganizationSettings::default()
    };
    let changed = Payload::OrganizationSettingsChanged(OrganizationSettingsChanged {
        settings: Some(settings),
        changed_fields: Vec::new(),
    });
    it.tell([event(ORGANIZATION, None, changed), created("One")])
        .await;
    failing.heard(1).await;
    ok.heard(1).await;
    eventually("one attempt each has ended", async || {
        (rows(&it.pool).await == [3, 2, 2, 2, 2, 1]).then_some(())
    })
    .await;

    it.tell([
        organization_deleted(ORGANIZATION),
        created("Late"),
        organization_deleted(ORGANIZATION),
        created_on(FOREIGN_ORGANIZATION, None, "Abroad"),
    ])
    .await;
    abroad.heard(1).await;
    eventually("only the other organization is left", async || {
        (rows(&it.pool).await == [1, 1, 1, 1, 1, 0]).then_some(())
    })
    .await;
    assert_eq!((failing.calls().len(), ok.calls().len()), (1, 1));
    it.stop().await;
}
