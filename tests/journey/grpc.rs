//! The same API over native gRPC: a generated client, and discovery by reflection.

use futures::StreamExt;
use proto::board::v1::{ListTasksRequest, task_service_client::TaskServiceClient};
use tonic::{Code, Request, metadata::MetadataValue, transport::Channel};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

/// Lists the tasks of a board over gRPC and answers how many there are.
pub(crate) async fn count_tasks(url: &str, token: &str, board: &str) -> i64 {
    let channel = connect(url).await;
    let mut client = TaskServiceClient::new(channel);
    let anonymous = client
        .list_tasks(ListTasksRequest::default())
        .await
        .unwrap_err();
    assert_eq!(anonymous.code(), Code::Unauthenticated);
    let mut request = Request::new(ListTasksRequest {
        board_id: Some(board.to_owned()),
        ..Default::default()
    });
    let credential = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", credential);
    client.list_tasks(request).await.unwrap().into_inner().total
}

/// What a `grpcurl list` would print.
pub(crate) async fn services(url: &str) -> Vec<String> {
    let mut client = ServerReflectionClient::new(connect(url).await);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .unwrap()
        .into_inner();
    match answers.next().await.unwrap().unwrap().message_response {
        Some(MessageResponse::ListServicesResponse(list)) => list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect(),
        other => panic!("reflection answered {other:?}"),
    }
}

async fn connect(url: &str) -> Channel {
    Channel::from_shared(url.to_owned())
        .unwrap()
        .connect()
        .await
        .unwrap()
}
