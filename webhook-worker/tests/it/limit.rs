use chassis::Code;
use futures::future::join_all;
use proto::webhook::v1::DeleteWebhookEndpointRequest;
use sqlx::PgPool;

use crate::fixture::{Fixture, asking, fault, stranger};

#[sqlx::test(migrations = false)]
async fn an_organization_has_at_most_fifty_endpoints(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let create = || it.create(asking("http://example.com", &["*"]));
    let answers = join_all((0..70).map(|_| create())).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (50, 20));
    for refused in refused {
        let fault = fault(refused);
        let found = (fault.code, fault.rest_code());
        assert_eq!(found, (Code::Conflict, "webhook_endpoint_limit".to_owned()));
    }
    // Others have a limit of their own.
    let request = asking("http://example.com", &["*"]);
    let other = it.client(stranger()).create_webhook_endpoint(request).await;
    other.unwrap();

    // Deleting makes room for as many.
    let ids: Vec<_> = made
        .into_iter()
        .map(|made| made.unwrap().id)
        .take(3)
        .collect();
    let twice = ids.iter().chain(&ids).map(|id| {
        let request = DeleteWebhookEndpointRequest {
            webhook_endpoint_id: id.clone(),
        };
        let mut owner = it.owner();
        async move { owner.delete_webhook_endpoint(request).await }
    });
    let deleted = join_all(twice).await;
    assert_eq!(deleted.iter().filter(|answer| answer.is_ok()).count(), 3);
    let answers = join_all((0..10).map(|_| create())).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    it.stop().await;
}
