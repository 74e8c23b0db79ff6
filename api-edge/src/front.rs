//! What every request passes and every response carries, whatever protocol it speaks: an id, the client's address, CORS,
//! security headers, one log line, one measurement, and an answer even when the code behind it panics.

mod cors;
mod log;
mod proxies;
mod request_id;
mod security;

use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis::context::{self, Context};
use futures::FutureExt;
use http::header::HeaderName;
use tracing::Instrument;

use crate::{Config, problem::Problem};

pub(crate) use log::Served;

/// Response and request header of the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(context::REQUEST_ID_HEADER);

/// The rules of the front.
pub(crate) struct Front {
    cors: cors::Cors,
    security: security::Headers,
    proxies: proxies::Proxies,
    log: log::Log,
}

/// The peer of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection(pub(crate) SocketAddr);

/// Where a request comes from, as far as it can be believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) IpAddr);

impl Front {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            cors: cors::Cors::new(config.cors_origins.clone()),
            security: security::Headers::new(config),
            proxies: proxies::Proxies::new(config.trusted_proxies.clone()),
            log: log::Log::new(config),
        }
    }
}

pub(crate) async fn layer(
    State(front): State<Arc<Front>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = request_id::of(request.headers());
    let peer = request
        .extensions()
        .get::<Connection>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |c| c.0.ip());
    let client = front.proxies.client(peer, request.headers());
    request.extensions_mut().insert(Client(client));
    let traceparent = request
        .headers()
        .get(context::TRACEPARENT_HEADER)
        .and_then(|value| value.to_str().ok());
    let traceparent = traceparent.map(str::to_owned);

    let span = tracing::info_span!("request", request.id = %id, trace.id = tracing::field::Empty);
    context::adopt(&span, traceparent.as_deref());
    let context = Context {
        request_id: Some(id.clone()),
        traceparent,
    };
    let line = log::Line::begin(&request, client, &id, began);
    let origin = front.cors.origin(request.headers());
    let answer = async {
        if let Some(preflight) = front.cors.preflight(&request) {
            return preflight;
        }
        // A panic is logged by the hook of the process; the caller still gets an answer like any other.
        AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Problem::internal().into_response())
    };
    let mut response = context::scope(context, answer)
        .instrument(span.clone())
        .await;

    front.cors.stamp(origin, response.headers_mut());
    front.security.stamp(response.headers_mut());
    if let Ok(value) = id.parse() {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    span.in_scope(|| front.log.end(line, &response));
    response
}
