use chassis::{Caller, Code};
use proto::webhook::v1::{
    DeleteWebhookEndpointRequest, GetWebhookDeliveryRequest, GetWebhookEndpointRequest,
    ListWebhookDeliveriesRequest, ListWebhookEndpointsRequest, UpdateWebhookEndpointRequest,
};
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, asking, created, fault, lead, member, stranger},
    receiver::Receiver,
};

#[sqlx::test(migrations = false)]
async fn another_organization_finds_nothing(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([]).await;
    let endpoint = it.subscribe(&receiver.url(), &["*"]).await;
    it.tell([created("Secret plan")]).await;
    let delivery = it
        .until(&endpoint, |found| found.delivered_at.is_some())
        .await;

    let mut eve = it.client(stranger());
    let id = || endpoint.id.clone();
    let get = GetWebhookEndpointRequest {
        webhook_endpoint_id: id(),
    };
    let update = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: id(),
        enabled: Some(false),
        ..UpdateWebhookEndpointRequest::default()
    };
    let nothing = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: id(),
        ..UpdateWebhookEndpointRequest::default()
    };
    let delete = DeleteWebhookEndpointRequest {
        webhook_endpoint_id: id(),
    };
    let list = ListWebhookDeliveriesRequest {
        webhook_endpoint_id: id(),
        ..ListWebhookDeliveriesRequest::default()
    };
    let read = GetWebhookDeliveryRequest {
        webhook_endpoint_id: id(),
        delivery_id: delivery.id.clone(),
    };
    for found in [
        fault(eve.get_webhook_endpoint(get).await),
        fault(eve.update_webhook_endpoint(update).await),
        fault(eve.update_webhook_endpoint(nothing).await),
        fault(eve.delete_webhook_endpoint(delete).await),
        fault(eve.list_webhook_deliveries(list).await),
        fault(eve.get_webhook_delivery(read).await),
    ] {
        let found = (found.code, found.reason.as_str());
        assert_eq!(found, (Code::NotFound, "WEBHOOK_ENDPOINT_NOT_FOUND"));
    }
    let page = eve.list_webhook_endpoints(ListWebhookEndpointsRequest::default());
    assert_eq!(page.await.unwrap().into_inner().total, 0);

    // Nor is a delivery found under another endpoint of its own organization.
    let other = it.subscribe(&receiver.url(), &["user.*"]).await;
    let read = GetWebhookDeliveryRequest {
        webhook_endpoint_id: other.id,
        delivery_id: delivery.id,
    };
    let found = fault(it.owner().get_webhook_delivery(read).await);
    assert_eq!(found.reason, "WEBHOOK_DELIVERY_NOT_FOUND");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn only_admins_administer_endpoints(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let internal = Caller::Internal {
        service: "board".into(),
    };
    for who in [member(), lead(), internal] {
        let mut client = it.client(who.clone());
        let list = client.list_webhook_endpoints(ListWebhookEndpointsRequest::default());
        assert_eq!(fault(list.await).code, Code::Forbidden, "{who:?}");
        let create = client.create_webhook_endpoint(asking("http://example.com", &["*"]));
        assert_eq!(fault(create.await).code, Code::Forbidden, "{who:?}");
    }
    it.stop().await;
}
