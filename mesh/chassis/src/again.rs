//! A request whose transaction the database gave up, because it and another waited for each other, is done again: nothing of
//! it was done, and the other is through by then.

use std::{collections::HashSet, sync::LazyLock};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use futures::{StreamExt, stream};

use crate::fault;

/// How often a request is tried in all.
const TRIES: usize = 4;
/// Longest request that is kept for another try, bytes. A longer one passes by, and is tried once.
const LONGEST: usize = 1024 * 1024;

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
    let message = match read(body).await {
        Ok(message) => message,
        Err(body) => return next.run(Request::from_parts(parts, body)).await,
    };
    for _ in 1..TRIES {
        let answer = next.clone().run(whole(&parts, message.clone())).await;
        if !collided(&answer) {
            return answer;
        }
    }
    next.run(whole(&parts, message)).await
}

/// A body as a whole; or as it was, when it is too long or breaks off.
async fn read(body: Body) -> Result<Bytes, Body> {
    let (mut rest, mut message) = (body.into_data_stream(), Vec::new());
    while let Some(part) = rest.next().await {
        match part {
            Ok(part) if message.len() + part.len() <= LONGEST => message.extend_from_slice(&part),
            part => {
                let begun = stream::iter([Ok(message.into()), part]);
                return Err(Body::from_stream(begun.chain(rest)));
            }
        }
    }
    Ok(message.into())
}

fn whole(parts: &Parts, message: Bytes) -> Request {
    Request::from_parts(parts.clone(), Body::from(message))
}

/// Whether an answer, which has no body then, says that the transaction was given up.
fn collided(answer: &Response) -> bool {
    tonic::Status::from_header_map(answer.headers())
        .filter(|status| status.code() == fault::Code::Unavailable.grpc())
        .is_some_and(|status| fault::read(&status).reason == fault::COLLISION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[usize]) -> Body {
        let parts: Vec<_> = parts
            .iter()
            .map(|length| Bytes::from(vec![7; *length]))
            .collect();
        Body::from_stream(stream::iter(parts.into_iter().map(Ok::<_, axum::Error>)))
    }

    async fn length(body: Body) -> usize {
        axum::body::to_bytes(body, usize::MAX).await.unwrap().len()
    }

    #[tokio::test]
    async fn a_long_request_passes_by_whole() {
        assert_eq!(read(body(&[])).await.unwrap().len(), 0);
        assert_eq!(read(body(&[5, LONGEST - 5])).await.unwrap().len(), LONGEST);
        let passed = read(body(&[5, LONGEST, 9, 3])).await.unwrap_err();
        assert_eq!(length(passed).await, LONGEST + 17);
    }

    #[tokio::test]
    async fn a_request_that_breaks_off_does_not_look_whole() {
        let parts = [Ok(Bytes::from("x")), Err(axum::Error::new("gone"))];
        let passed = read(Body::from_stream(stream::iter(parts)))
            .await
            .unwrap_err();
        assert!(axum::body::to_bytes(passed, usize::MAX).await.is_err());
    }
}
