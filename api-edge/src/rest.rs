//! REST: find the route, find out who calls, encode, call, write the answer as JSON. The same for every route.

mod body;
mod conditional;
mod download;
mod sse;

use std::sync::Arc;

use axum::{
    body::Body as HttpBody,
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Version, header, request::Parts};
use serde_json::{Map, Value};
use tonic::metadata::MetadataMap;

use crate::{
    call,
    edge::{Admitted, Edge},
    front::{Client, Served},
    problem::{Problem, Result},
    route::{Match, Route},
    transcode::{self, Body},
};

/// Largest room that an answer gets in advance, bytes of JSON per byte on the wire.
const GROWTH: usize = 3;
/// The field by which a body says what `If-Match` says.
pub(crate) const EXPECTED_VERSION: &str = "expected_version";
/// What a service says about an answer that does not hold it; response metadata that becomes headers.
pub(crate) const SAID_BESIDE: [&str; 3] = ["x-total-count", "x-limit", "x-offset"];
/// The field that `Last-Event-ID` fills.
pub(crate) const AFTER_SEQUENCE: &str = "after_sequence";

/// Serves a request under `/api`.
pub(crate) async fn serve(edge: Arc<Edge>, client: Client, request: Request) -> Response {
    let (route, values) = match edge.table.find(request.method(), request.uri().path()) {
        Match::Found(route, values) => (route, values),
        Match::WrongMethod(methods) => {
            let methods: Vec<_> = methods.iter().map(http::Method::as_str).collect();
            let problem = Problem::method_not_allowed(&methods.join(", "));
            return refuse(problem, request).await;
        }
        Match::Unknown => return refuse(Problem::not_found(), request).await,
    };
    let mut served = Served {
        protocol: if route.is_live() { "sse" } else { "rest" },
        rpc: Some(Arc::clone(&route.rpc)),
        template: route.pattern.to_string().into(),
        caller: "none",
    };
    let admitted = edge.admit(request.headers(), client, &route.rpc).await;
    let mut response = match admitted {
        Ok(admitted) => {
            served.caller = admitted.kind();
            answer(edge, &route, &values, admitted, request)
                .await
                .unwrap_or_else(IntoResponse::into_response)
        }
        Err(fault) => refuse(Problem::from(fault), request).await,
    };
    response.extensions_mut().insert(served);
    response
}

/// Answers a request whose body has not been looked at.
async fn refuse(problem: Problem, request: Request) -> Response {
    let is_first_version = request.version() < Version::HTTP_2;
    let (head, body) = request.into_parts();
    let mut response = problem.into_response();
    if !body::discard(&head.headers, body).await && is_first_version {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn answer(
    edge: Arc<Edge>,
    route: &Arc<Route>,
    values: &[String],
    admitted: Admitted,
    request: Request,
) -> Result<Response> {
    let (head, body) = request.into_parts();
    let body = match route.input.body() {
        Body::Ignored => {
            body::discard(&head.headers, body).await;
            None
        }
        Body::Whole | Body::Field(_) => Some(
            body::object(
                &head.headers,
                body,
                edge.config.http_max_body_bytes as usize,
            )
            .await?,
        ),
    };
    let message = encode(route, values, &head, body.as_ref())?;
    if route.is_live() {
        return sse::open(edge, route, message, admitted).await;
    }
    if route.rpc.is_server_streaming() {
        return download::open(edge, route, message, admitted).await;
    }
    let peer = edge.peer(&route.rpc, &admitted.caller);
    let known = conditional::if_none_match(&head.method, &head.headers);
    let conditions = [
        (chassis::conditional::IF_NONE_MATCH, known.as_deref()),
        (
            chassis::conditional::IF_MATCH,
            conditional::if_match(&head.method, &head.headers),
        ),
    ];
    let conditions: Vec<_> = conditions
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let response = call::unary(peer, &route.rpc, message, &conditions).await;
    let failure = response.as_ref().err().map(tonic::Status::code);
    let failure = failure.map(chassis::Code::from_grpc);
    edge.answered(&route.rpc, &admitted, failure).await;
    let response = response?;
    if conditional::holds(known.as_deref(), &response) {
        return Ok(conditional::not_modified(&response));
    }
    let mut beside = said_beside(response.metadata());
    if let Some(etag) = conditional::etag(&response) {
        beside.push((header::ETAG, etag));
    }
    json(&edge, route, &response.into_inner(), beside)
}

fn said_beside(metadata: &MetadataMap) -> Vec<(HeaderName, HeaderValue)> {
    let said = SAID_BESIDE.into_iter().filter_map(|name| {
        let value = metadata.get(name)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    said.collect()
}

fn encode(
    route: &Route,
    path: &[String],
    head: &Parts,
    body: Option<&Map<String, Value>>,
) -> Result<Bytes> {
    let mut numbers = Vec::new();
    if route.input.has(AFTER_SEQUENCE)
        && let Some(sequence) = sse::last_event_id(&head.headers)?
    {
        numbers.push((AFTER_SEQUENCE, sequence));
    }
    let query = head.uri.query().unwrap_or_default();
    let request = transcode::Request {
        path,
        query,
        body,
        headers: &numbers,
    };
    match route.input.encode(&request) {
        Ok(message) => Ok(message.into()),
        Err(violations) => {
            let detail = match violations.as_slice() {
                [one] => format!("{}: {}", one.field, one.message),
                many => format!("{} fields of the request are wrong", many.len()),
            };
            let mut fault = chassis::Fault::new(chassis::Code::Invalid, "INVALID_REQUEST", detail);
            fault.fields = violations;
            Err(fault.into())
        }
    }
}

fn json(
    edge: &Edge,
    route: &Route,
    wire: &[u8],
    beside: Vec<(HeaderName, HeaderValue)>,
) -> Result<Response> {
    let mut out = Vec::with_capacity(wire.len() * GROWTH + 64);
    edge.plans.write(route.answer, wire, &mut out).map_err(|error| {
        tracing::error!(rpc = route.rpc.label(), %error, "an answer of a service cannot be read");
        Problem::internal()
    })?;
    let mut response = (StatusCode::OK, HttpBody::from(out)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    // What a caller may see is the caller's own; a copy may be kept but is asked about every time.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.extend(beside);
    Ok(response)
}
