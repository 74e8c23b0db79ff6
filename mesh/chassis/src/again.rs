//! A request whose transaction the database gave up, because it and another waited for each other, is done again: nothing of
//! it was done, and the other is through by then.

use std::{collections::HashSet, sync::LazyLock};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::request::Parts,
    middleware::Next,
    response::Response,
};

use crate::fault;

/// How often a request is tried in all.
const TRIES: usize = 4;
/// Longest request that is kept for another try, bytes: more than any service takes.
const LONGEST: usize = 64 * 1024 * 1024;

/// Methods that take one message and answer one, by path.
static UNARY: LazyLock<HashSet<String>> = LazyLock::new(|| {
    proto::pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|method| !method.is_client_streaming() && !method.is_server_streaming())
        .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()))
        .collect()
});

pub(crate) async fn again(request: Request, next: Next) -> Response {
    if !UNARY.contains(request.uri().path()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        let status = tonic::Status::invalid_argument("the request cannot be read to its end");
        return status.into_http::<Body>();
    };
    for _ in 1..TRIES {
        let answer = next.clone().run(whole(&parts, body.clone())).await;
        if !collided(&answer) {
            return answer;
        }
    }
    next.run(whole(&parts, body)).await
}

fn whole(parts: &Parts, body: axum::body::Bytes) -> Request {
    Request::from_parts(parts.clone(), Body::from(body))
}

/// Whether an answer, which has no body then, says that the transaction was given up.
fn collided(answer: &Response) -> bool {
    tonic::Status::from_header_map(answer.headers())
        .filter(|status| status.code() == fault::Code::Unavailable.grpc())
        .is_some_and(|status| fault::read(&status).reason == fault::COLLISION)
}
