use std::sync::atomic::Ordering;

use chassis::Code;
use proto::webhook::v1::{
    CreateWebhookEndpointRequest, DeleteWebhookEndpointRequest, GetWebhookDeliveryRequest,
    GetWebhookEndpointRequest, ListWebhookDeliveriesRequest, ListWebhookEndpointsRequest,
    UpdateWebhookEndpointRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, FOREIGN_BOARD},
    fixture::{Fixture, Setup, asking, fault, violation},
};

const URL: &str = "http://example.com";

#[sqlx::test(migrations = false)]
async fn what_cannot_be_subscribed_is_refused_with_its_field(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let types = |types: &[&str]| asking(URL, types);
    let described = |text: String| CreateWebhookEndpointRequest {
        description: Some(text),
        ..types(&["*"])
    };
    let on_board = |text: &str| CreateWebhookEndpointRequest {
        board_id: Some(text.to_owned()),
        ..types(&["*"])
    };
    for (request, field, reason) in [
        (asking("", &["*"]), "url", "BLANK"),
        (asking("no url", &["*"]), "url", "MALFORMED"),
        (asking("http://a/\0", &["*"]), "url", "NUL_BYTE"),
        (
            asking(&format!("http://a/{}", "x".repeat(2_000)), &["*"]),
            "url",
            "TOO_LONG",
        ),
        (
            asking("ftp://example.com", &["*"]),
            "url",
            "URL_NOT_ALLOWED",
        ),
        (
            asking("http://a:b@example.com", &["*"]),
            "url",
            "URL_NOT_ALLOWED",
        ),
        (types(&[]), "event_types", "REQUIRED"),
        (types(&["a"; 51]), "event_types", "TOO_MANY"),
        (types(&["*", ""]), "event_types[1]", "BLANK"),
        (types(&["task*"]), "event_types[0]", "MALFORMED"),
        (types(&["task.\0"]), "event_types[0]", "NUL_BYTE"),
        (types(&[&"a".repeat(101)]), "event_types[0]", "TOO_LONG"),
        (described("x".repeat(1_001)), "description", "TOO_LONG"),
        (described("a\0b".into()), "description", "NUL_BYTE"),
        (on_board("nope"), "board_id", "NOT_A_UUID"),
    ] {
        let found = violation(it.create(request.clone()).await);
        assert_eq!(found, (field.to_owned(), reason.to_owned()), "{request:?}");
    }
    let page = it
        .owner()
        .list_webhook_endpoints(ListWebhookEndpointsRequest::default())
        .await
        .unwrap();
    assert_eq!(page.into_inner().total, 0);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_private_address_is_refused_with_a_code_of_its_own(pool: PgPool) {
    let setup = Setup {
        allow_private: false,
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    for url in [
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://0x7f.1/",
        "https://10.0.0.1/",
    ] {
        let refused = fault(it.create(asking(url, &["*"])).await);
        let found = (refused.code, refused.rest_code());
        assert_eq!(
            found,
            (Code::Invalid, "url_not_allowed".to_owned()),
            "{url}"
        );
    }
    let created = it.subscribe("http://localhost:1/", &["*"]).await;
    let request = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: created.id,
        url: Some("http://192.168.0.1/".into()),
        ..UpdateWebhookEndpointRequest::default()
    };
    let refused = fault(it.owner().update_webhook_endpoint(request).await);
    assert_eq!(refused.reason, "URL_NOT_ALLOWED");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn only_a_board_of_the_organization_is_subscribed_to(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let on = |board: Uuid| CreateWebhookEndpointRequest {
        board_id: Some(board.to_string()),
        ..asking(URL, &["*"])
    };
    for board in [FOREIGN_BOARD, Uuid::from_u128(1)] {
        let refused = fault(it.create(on(board)).await);
        let found = (refused.code, refused.reason.as_str());
        assert_eq!(found, (Code::NotFound, "BOARD_NOT_FOUND"));
    }
    for (peer, code) in [
        (tonic::Code::Unavailable, Code::Unavailable),
        (tonic::Code::Internal, Code::Internal),
    ] {
        it.boards.failure.store(peer as i32, Ordering::SeqCst);
        assert_eq!(fault(it.create(on(BOARD)).await).code, code);
    }
    // Nobody is asked when no board is named.
    it.subscribe(URL, &["*"]).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn malformed_ids_and_pages_are_refused_and_unknown_ids_not_found(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let mut owner = it.owner();
    let created = it.subscribe(URL, &["*"]).await;
    let unknown = Uuid::from_u128(1).to_string();
    let get = |id: &str| GetWebhookEndpointRequest {
        webhook_endpoint_id: id.to_owned(),
    };
    let update = |id: &str| UpdateWebhookEndpointRequest {
        webhook_endpoint_id: id.to_owned(),
        enabled: Some(false),
        ..UpdateWebhookEndpointRequest::default()
    };
    let delete = |id: &str| DeleteWebhookEndpointRequest {
        webhook_endpoint_id: id.to_owned(),
    };
    let list = |id: &str| ListWebhookDeliveriesRequest {
        webhook_endpoint_id: id.to_owned(),
        ..ListWebhookDeliveriesRequest::default()
    };
    let read = |endpoint: &str, id: &str| GetWebhookDeliveryRequest {
        webhook_endpoint_id: endpoint.to_owned(),
        delivery_id: id.to_owned(),
    };
    let (bad, field) = ("a\0b", "webhook_endpoint_id");
    for found in [
        violation(owner.get_webhook_endpoint(get(bad)).await),
        violation(owner.update_webhook_endpoint(update(bad)).await),
        violation(owner.delete_webhook_endpoint(delete(bad)).await),
        violation(owner.list_webhook_deliveries(list(bad)).await),
        violation(owner.get_webhook_delivery(read(bad, &unknown)).await),
    ] {
        assert_eq!(found, (field.to_owned(), "NOT_A_UUID".to_owned()));
    }
    let found = violation(owner.get_webhook_delivery(read(&created.id, "")).await);
    assert_eq!(found.0, "delivery_id");

    for found in [
        fault(owner.get_webhook_endpoint(get(&unknown)).await),
        fault(owner.update_webhook_endpoint(update(&unknown)).await),
        fault(owner.delete_webhook_endpoint(delete(&unknown)).await),
        fault(owner.list_webhook_deliveries(list(&unknown)).await),
        fault(owner.get_webhook_delivery(read(&unknown, &unknown)).await),
    ] {
        let found = (found.code, found.reason.as_str());
        assert_eq!(found, (Code::NotFound, "WEBHOOK_ENDPOINT_NOT_FOUND"));
    }
    let found = fault(
        owner
            .get_webhook_delivery(read(&created.id, &unknown))
            .await,
    );
    assert_eq!(found.reason, "WEBHOOK_DELIVERY_NOT_FOUND");

    let page = |limit, offset, token: Option<&str>, state| ListWebhookDeliveriesRequest {
        limit,
        offset,
        page_token: token.map(str::to_owned),
        state,
        ..list(&created.id)
    };
    for (request, field) in [
        (page(Some(0), None, None, None), "limit"),
        (page(Some(201), None, None, None), "limit"),
        (page(None, Some(-1), None, None), "offset"),
        (page(None, None, Some("nope"), None), "page_token"),
        (page(None, None, None, Some(9)), "state"),
    ] {
        let found = violation(owner.list_webhook_deliveries(request).await);
        assert_eq!(found.0, field);
    }
    let request = ListWebhookEndpointsRequest {
        board_id: Some("nope".into()),
        ..ListWebhookEndpointsRequest::default()
    };
    let found = violation(owner.list_webhook_endpoints(request).await);
    assert_eq!(found.0, "board_id");
    it.stop().await;
}
