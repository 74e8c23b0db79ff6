//! gRPC and grpc-web: after authentication a call goes on as bytes to the component that serves it, under the same path.
//! The edge implements no service of the contract.

mod until;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use chassis::Code;
use http::{HeaderMap, Method, StatusCode, Version, header};
use tonic::{Status, body::Body, service::Routes};
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, ServiceExt};

use crate::{
    call,
    edge::{Admitted, Edge},
    front::{Client, Served},
    problem::Problem,
    route::Rpc,
    streams::{self, End, Open},
};
use until::Until;

/// Headers that belong to the connection or to the edge and go no further.
const NOT_PASSED_ON: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "x-agent-token",
    "x-mission-caller",
];

/// What paths of reflection and health begin with.
const OWN: &str = "/grpc.";

/// Whether a request speaks gRPC or grpc-web.
pub(crate) fn speaks(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// What the transport itself offers: reflection and health.
pub(crate) fn own_services(edge: &Edge) -> anyhow::Result<axum::Router> {
    let mut services: Vec<_> = edge
        .rpcs
        .values()
        .map(|rpc| rpc.descriptor.parent_service())
        .collect();
    services.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    services.dedup();
    let reflection = || {
        let mut builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection");
        for service in &services {
            builder = builder.with_service_name(service.full_name());
        }
        builder
    };
    let (_, health) = tonic_health::server::health_reporter();
    let routes = Routes::new(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes.prepare().into_axum_router())
}

/// Serves one call.
pub(crate) async fn serve(
    edge: Arc<Edge>,
    own: axum::Router,
    client: Client,
    request: Request,
) -> Response {
    if request.method() != Method::POST {
        return Problem::method_not_allowed("POST").into_response();
    }
    let is_web = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"));
    if !is_web && request.version() < Version::HTTP_2 {
        let message = "gRPC needs HTTP/2; over HTTP/1.1 use grpc-web";
        return Problem::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "HTTP2_REQUIRED",
            message,
        )
        .into_response();
    }
    let rpc = edge.rpcs.get(request.uri().path()).cloned();
    let template = match &rpc {
        Some(rpc) => rpc.path.path().to_owned().into(),
        None if request.uri().path().starts_with(OWN) => "grpc's own".into(),
        None => "unknown rpc".into(),
    };
    let served = Served {
        protocol: if is_web { "grpc-web" } else { "grpc" },
        rpc,
        template,
        caller: "none",
    };
    let pass = tower::service_fn(move |request: http::Request<Body>| {
        let (edge, own) = (Arc::clone(&edge), own.clone());
        async move { Ok::<_, Infallible>(pass(edge, own, client, request).await) }
    });
    let Ok(response) = GrpcWebLayer::new().layer(pass).oneshot(request).await;
    let mut response = response.map(axum::body::Body::new);
    let caller = response.extensions_mut().remove::<CallerKind>();
    response.extensions_mut().insert(Served {
        caller: caller.map_or("none", |kind| kind.0),
        ..served
    });
    response
}

#[derive(Clone, Copy)]
struct CallerKind(&'static str);

async fn pass(
    edge: Arc<Edge>,
    own: axum::Router,
    client: Client,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let path = request.uri().path();
    if path.starts_with(OWN) {
        let Ok(response) = own.oneshot(request.map(axum::body::Body::new)).await;
        return response.map(Body::new);
    }
    let Some(rpc) = edge.rpcs.get(path).cloned() else {
        return refused(Status::unimplemented("the contract has no such method"));
    };
    let admitted = match edge.admit(request.headers(), client, &rpc).await {
        Ok(admitted) => admitted,
        Err(fault) => return refused(fault.into()),
    };
    let kind = CallerKind(admitted.kind());
    let mut response = forward(edge, rpc, admitted, request)
        .await
        .unwrap_or_else(refused);
    response.extensions_mut().insert(kind);
    response
}

async fn forward(
    edge: Arc<Edge>,
    rpc: Arc<Rpc>,
    admitted: Admitted,
    mut request: http::Request<Body>,
) -> Result<http::Response<Body>, Status> {
    for name in NOT_PASSED_ON {
        request.headers_mut().remove(name);
    }
    *request.uri_mut() = rpc.path.clone().into();
    *request.version_mut() = Version::HTTP_2;
    let mut peer = edge.peer(&rpc, &admitted.caller);
    let place = rpc
        .is_server_streaming()
        .then(|| edge.streams.enter(&admitted.caller))
        .transpose()?;
    let answer = tokio::time::timeout(call::deadline(&rpc), peer.call(request)).await;
    let answer = answer.unwrap_or_else(|_| Err(call::too_late()));
    let failure = match &answer {
        Err(status) => Some(status.code()),
        // A call that fails at once says so in its headers.
        Ok(response) => Status::from_header_map(response.headers()).map(|status| status.code()),
    };
    let failure = failure
        .filter(|code| *code != tonic::Code::Ok)
        .map(Code::from_grpc);
    edge.answered(&rpc, &admitted, failure).await;
    let response = answer?;
    let Some(place) = place else {
        return Ok(response);
    };
    let end = async move {
        let _place = place;
        let open = Open {
            admitted,
            rpc,
            request: None,
        };
        match streams::end(&edge, &open).await {
            End::Stopping => Status::unavailable("the server is stopping; connect again"),
            End::Changed => Status::aborted("the caller's rights changed; connect again"),
            End::Gone(fault) => fault.into(),
        }
    };
    Ok(response.map(|body| Body::new(Until::new(body, Box::pin(end)))))
}

fn refused(status: Status) -> http::Response<Body> {
    status.into_http()
}
