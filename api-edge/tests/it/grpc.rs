use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use chassis::fault;
use prost::Message;
use proto::{
    activity::v1::{WatchRequest, feed_service_client::FeedServiceClient},
    board::v1::{GetTaskRequest, GetTaskResponse, task_service_client::TaskServiceClient},
    org::v1::{AuthenticateRequest, identity_service_client::IdentityServiceClient},
};
use reqwest::{Method, StatusCode};
use tonic::{
    Code, Request, Status,
    service::Interceptor,
    transport::{Channel, Endpoint},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{Edge, OWNER, TASK, WORKER, feed::event, problem, start, start_with};

async fn channel(edge: &Edge) -> Channel {
    Endpoint::from_shared(edge.url(""))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// Puts a credential into every call.
#[derive(Clone)]
struct Bearer(&'static str);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = format!("Bearer {}", self.0).parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

fn get_task(id: &str) -> GetTaskRequest {
    GetTaskRequest {
        task_id: id.into(),
        ..GetTaskRequest::default()
    }
}

#[tokio::test]
async fn a_generated_client_works_unchanged() {
    let edge = start().await;
    let mut client = TaskServiceClient::with_interceptor(channel(&edge).await, Bearer(OWNER));
    let answer = client.get_task(get_task(TASK)).await.unwrap();
    assert!(answer.metadata().contains_key("x-request-id"));
    assert_eq!(
        answer.into_inner().task,
        edge.behind.tasks.lock().unwrap().first().cloned()
    );

    let status = client.get_task(get_task("not-an-id")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(fault::read(&status).fields[0].field, "task_id");
}

#[tokio::test]
async fn refusals_before_the_call_are_statuses_too() {
    let edge = start().await;
    let channel = channel(&edge).await;
    let status = TaskServiceClient::new(channel.clone())
        .get_task(get_task(TASK))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), &*fault::read(&status).reason),
        (Code::Unauthenticated, "UNAUTHENTICATED")
    );

    let mut worker = TaskServiceClient::with_interceptor(channel.clone(), Bearer(WORKER));
    let status = worker
        .create_task(proto::board::v1::CreateTaskRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), &*fault::read(&status).reason),
        (Code::PermissionDenied, "BOARD_LEAD_REQUIRED")
    );

    let mut internal = IdentityServiceClient::with_interceptor(channel, Bearer(OWNER));
    let status = internal
        .authenticate(AuthenticateRequest { token: "x".into() })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_forged_caller_is_not_passed_on() {
    let edge = start().await;
    let mut client = TaskServiceClient::new(channel(&edge).await);
    let mut request = Request::new(get_task(TASK));
    let internal = chassis::Caller::Internal {
        service: "forged".into(),
    };
    let signed = edge.running.keyring().sign(&internal);
    request
        .metadata_mut()
        .insert("x-mission-caller", signed.parse().unwrap());
    assert_eq!(
        client.get_task(request).await.unwrap_err().code(),
        Code::Unauthenticated
    );
}

#[tokio::test]
async fn a_stream_follows_and_ends_with_a_status_when_the_process_stops() {
    let edge = start_with(&["--streams-per-caller=1"]).await;
    let mut client = FeedServiceClient::with_interceptor(channel(&edge).await, Bearer(OWNER));
    let mut stream = client
        .watch(WatchRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().event, None);
    edge.say(event(3, "task.created", None)).await;
    assert_eq!(stream.message().await.unwrap().unwrap().sequence, 3);

    let status = client.watch(WatchRequest::default()).await.unwrap_err();
    assert_eq!(fault::read(&status).reason, "TOO_MANY_STREAMS");

    let (stopped, end) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(5), edge.running.stop()),
        stream.message(),
    );
    stopped.expect("in time").unwrap();
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn reflection_shows_what_may_be_called_and_health_serves() {
    let edge = start().await;
    let channel = channel(&edge).await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let mut answers = reflection
        .server_reflection_info(futures::stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list")
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(names.contains(&"mission.board.v1.TaskService"), "{names:?}");
    assert!(
        !names.contains(&"mission.org.v1.IdentityService"),
        "{names:?}"
    );

    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let answer = health
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().status, 1);
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// Data and trailers of a grpc-web answer.
fn unframed(mut body: Bytes) -> (Vec<Bytes>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while body.len() >= 5 {
        let head = body.split_to(5);
        let length = u32::from_be_bytes(head[1..5].try_into().unwrap()) as usize;
        let content = body.split_to(length);
        match head[0] {
            0 => messages.push(content),
            _ => trailers.push_str(std::str::from_utf8(&content).unwrap()),
        }
    }
    (messages, trailers)
}

const GET_TASK: &str = "/mission.board.v1.TaskService/GetTask";

#[tokio::test]
async fn grpc_web_works_over_http_1() {
    let edge = start().await;
    let call = |id: &str| {
        edge.owner(Method::POST, GET_TASK)
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .body(framed(&get_task(id).encode_to_vec()))
    };
    let response = call(TASK).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_11);
    assert_eq!(
        response.headers()["content-type"],
        "application/grpc-web+proto"
    );
    let (messages, trailers) = unframed(response.bytes().await.unwrap());
    let task = GetTaskResponse::decode(messages[0].clone())
        .unwrap()
        .task
        .unwrap();
    assert_eq!(task.id, TASK);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let response = call("not-an-id").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let in_header = response
        .headers()
        .get("grpc-status")
        .map(|value| value.to_str().unwrap().to_owned());
    let (_, trailers) = unframed(response.bytes().await.unwrap());
    assert!(
        in_header.as_deref() == Some("3") || trailers.contains("grpc-status:3"),
        "{in_header:?} {trailers}"
    );
}

#[tokio::test]
async fn grpc_over_http_1_is_told_what_it_needs() {
    let edge = start().await;
    let request = edge
        .owner(Method::POST, GET_TASK)
        .header("content-type", "application/grpc")
        .body("");
    assert_eq!(
        problem(request.send().await.unwrap()).await.1,
        "http2_required"
    );
    assert_eq!(edge.behind.authentications.load(Ordering::SeqCst), 0);
}
